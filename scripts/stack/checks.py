"""Looks before anything is changed: answers, names, ports, addresses, the engine."""

import ipaddress
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import closing, suppress

from agent.errors import AgentError
from agent.host.docker_connection import DockerConnection
from scripts.stack.edge import LOCAL
from scripts.stack.settings import FOLDER, PLAIN, TOKEN_VARIABLES, Stack

DOMAIN = re.compile(r"localhost|([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
NETWORK = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}")


def list_wrong_answers(stack: Stack) -> Iterator[str]:
    """Sentences on answers that cannot be."""
    if not DOMAIN.fullmatch(stack.domain):
        yield f"'{stack.domain}' is no domain: give one like example.org, or localhost for a trial."
    if not EMAIL.fullmatch(stack.email):
        yield f"'{stack.email}' is no e-mail address."
    if stack.dns_provider not in {PLAIN, *TOKEN_VARIABLES}:
        yield f"'{stack.dns_provider}' is not among the DNS providers: {', '.join((PLAIN, *TOKEN_VARIABLES))}."
    if stack.dns_provider != PLAIN and stack.domain == LOCAL:
        yield "No certificate can be had for localhost: answer none for the DNS provider, or give a domain of yours."
    if not stack.object_store.startswith(f"{FOLDER}/"):
        yield f"'{stack.object_store}' is no object store: write {FOLDER}/path, an absolute path; others are not supported yet."
    if stack.dns_provider != PLAIN and not stack.lago_url and not stack.has_own_lago:
        yield "Where is Lago? Say --set lago_url=https://…, or --set compose_profiles=lago to run one here."
    yield from _list_wrong_networks(stack)


def _list_wrong_networks(stack: Stack) -> Iterator[str]:
    try:
        fits = NETWORK.fullmatch(stack.network) and ipaddress.ip_network(f"{stack.network}.0/24").is_private
    except ValueError:
        fits = False
    if not fits:
        yield f"'{stack.network}' is not the beginning of a private network: write three numbers, like 172.30.240."


def list_taken_ports(stack: Stack) -> Iterator[str]:
    """Ports on which the edge could not listen now; ask while it does not run."""
    ports = {stack.http_port} if stack.is_trial else {stack.http_port, stack.https_port}
    for port in sorted(ports):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1" if stack.domain == LOCAL else "", port))
            except OSError as error:
                yield f"Port {port} cannot be listened on ({error.strerror}); stop what uses it, or choose another."


def list_name_problems(stack: Stack) -> Iterator[str]:
    """What the public DNS does not say yet. The stack runs all the same; visitors only find it then."""
    if stack.domain == LOCAL:
        return
    found = {}
    for name in ("press", f"any-{secrets.token_hex(4)}"):
        host = f"{name}.{stack.domain}"
        try:
            found[name] = {info[4][0] for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
        except OSError:
            yield f"{host} has no address yet: let *.{stack.domain} point to this machine."
            return
    if len({frozenset(addresses) for addresses in found.values()}) > 1:
        yield f"press.{stack.domain} and other names under {stack.domain} lead to different machines."


def find_engine_problem(stack: Stack) -> str | None:
    """Why the engine cannot be used; None when it answers."""
    with closing(DockerConnection(f"unix://{stack.docker_socket}", seconds=10)) as connection:
        try:
            connection.ping()
        except AgentError as error:
            return f"The Docker engine at {stack.docker_socket} does not answer. Install it (Debian: docker.io), start it, or say --set docker_socket=PATH. ({error.code})"
    return None


def find_network_problem(stack: Stack) -> str | None:
    """Whether this machine has addresses of the stack's network already; ask before the stack has."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Connecting a datagram socket sends nothing; the kernel chooses the address that it would send from.
        probe.connect((f"{stack.network}.70", 9))
        if probe.getsockname()[0].startswith(f"{stack.network}."):
            return f"This machine has addresses in {stack.network}.0/24 already; choose another network with --set network=A.B.C."
    return None
