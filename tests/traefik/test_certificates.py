"""The edge of a real stack: the real Traefik asks a pretended authority for its certificate, by DNS, with a token from a file."""

import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from scripts.bringup.files import render_edge
from scripts.bringup.health import answers_http, wait_until
from scripts.stack.settings import TOKEN_VARIABLES
from tests.e2e.platform import choose_free_ports

START_SECONDS = 10.0
MISSED = "credentials information are missing"


@dataclass(frozen=True)
class Edge:
    """A running Traefik, and what it said."""

    web: int
    secure: int
    internal: int
    log: Path

    def read_log(self) -> str:
        return self.log.read_text("utf-8")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """One file with key and certificate of the authority's own address, which nobody signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = tmp_path / "authority.pem"
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


@pytest.fixture
def authority(certificate: Path) -> Iterator[HTTPServer]:
    """As much of ACME as it takes to get to the DNS provider: an account is made, an order is refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with HTTPServer(host="localhost", ssl_context=context) as server:
        answer_acme(server)
        yield server


def answer_acme(httpserver: HTTPServer) -> None:
    places = {
        "newNonce": "nonce",
        "newAccount": "account",
        "newOrder": "order",
        "revokeCert": "r",
        "keyChange": "k",
    }
    nonce = {"Replay-Nonce": "bm9uY2U"}

    def make_account(_request: Request) -> Response:
        location = {"Location": httpserver.url_for("/account/1")}
        return Response('{"status": "valid"}', 201, {**nonce, **location}, mimetype="application/json")

    httpserver.expect_request("/directory").respond_with_json(
        {name: httpserver.url_for(f"/{path}") for name, path in places.items()}
    )
    httpserver.expect_request("/nonce").respond_with_data("", headers=nonce)
    httpserver.expect_request("/account").respond_with_handler(make_account)
    problem = {"type": "urn:ietf:params:acme:error:rateLimited", "detail": "no orders here", "status": 429}
    httpserver.expect_request("/order").respond_with_json(problem, status=429, headers=nonce)


@pytest.fixture(params=sorted(TOKEN_VARIABLES))
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def edge(tmp_path: Path, authority: HTTPServer, certificate: Path, provider: str) -> Iterator[Edge]:
    ports = choose_free_ports(("web", "secure", "internal"))
    (tmp_path / "dynamic").mkdir()
    # Without a site nothing is asked for.
    site = {"rule": "Host(`a.example.org`)", "service": "noop@internal"}
    (tmp_path / "dynamic" / "sites.yml").write_text(
        json.dumps({"http": {"routers": {"site": site}}}), "utf-8"
    )
    (tmp_path / "token").write_text("a-token-of-tests\n", "utf-8")
    text = render_edge(
        web_address=f"127.0.0.1:{ports['web']}",
        internal_address=f"127.0.0.1:{ports['internal']}",
        dynamic_dir=str(tmp_path / "dynamic"),
        secure_address=f"127.0.0.1:{ports['secure']}",
        domain="example.org",
        email="a@example.org",
        dns_provider=provider,
        certificates=str(tmp_path / "acme.json"),
    )
    place = "    acme:\n"
    assert place in text
    text = text.replace(place, f'{place}      caServer: "{authority.url_for("/directory")}"\n')
    (tmp_path / "traefik.yml").write_text(text, "utf-8")
    running = Edge(**ports, log=tmp_path / "log")
    variables = {
        f"{TOKEN_VARIABLES[provider]}_FILE": str(tmp_path / "token"),
        "LEGO_CA_CERTIFICATES": str(certificate),
    }
    with running.log.open("w") as log:
        command = [str(Path(sys.executable).parent / "traefik"), f"--configFile={tmp_path / 'traefik.yml'}"]
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **variables})
        try:
            up = wait_until(
                lambda: answers_http(f"http://127.0.0.1:{running.internal}/ping"), seconds=START_SECONDS
            )
            assert up, running.read_log()
            yield running
        finally:
            process.terminate()
            process.wait(timeout=20)


def test_the_token_of_each_provider_is_read_from_its_file(edge: Edge, authority: HTTPServer) -> None:
    def is_over() -> bool:
        return "no orders here" in edge.read_log() or MISSED in edge.read_log()

    assert wait_until(is_over, seconds=START_SECONDS), edge.read_log()
    assert MISSED not in edge.read_log()
    assert "/order" in [request.path for request, _ in authority.log]


@pytest.mark.parametrize("provider", ["hetzner"], indirect=True)
def test_visitors_are_led_to_tls_and_probes_are_not(edge: Edge) -> None:
    host = {"Host": "a.example.org"}
    led = requests.get(f"http://127.0.0.1:{edge.web}/x", headers=host, allow_redirects=False, timeout=10)
    assert (led.status_code, led.headers["Location"]) == (301, f"https://a.example.org:{edge.secure}/x")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", edge.secure), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="a.example.org") as tls,
    ):
        assert tls.version() in {"TLSv1.2", "TLSv1.3"}

    def look_inside() -> int:
        url = f"http://127.0.0.1:{edge.internal}/"
        return requests.get(url, headers=host, allow_redirects=False, timeout=10).status_code

    # What Traefik's own service without a purpose answers.
    assert wait_until(lambda: look_inside() == 418, seconds=START_SECONDS), look_inside()
