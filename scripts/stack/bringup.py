"""The order of a stack: folders, secrets, images, databases, programs, the host, the first bench."""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agent.host.docker_connection import DockerConnection
from agent.host.docker_images import DockerImages
from scripts.bringup.engines import FRAPPE
from scripts.bringup.health import answers_http, wait_until
from scripts.bringup.journal import Journal
from scripts.bringup.state import write_file
from scripts.stack.compose import Compose
from scripts.stack.edge import write_edge
from scripts.stack.errors import StackError
from scripts.stack.images import PYTHON, Built, ProgramImages
from scripts.stack.secrets import AGENT, BRIDGE_TOKEN, OPERATOR_PASSWORD, OPERATOR_TOKEN, TENANTS, Secrets
from scripts.stack.settings import Stack

BASE_IMAGE = "debian:bookworm-slim"
READY_SECONDS = 180.0
SERVER = "local"
PRIVATE = 0o700
WITH_GROUP = 0o750


@dataclass(frozen=True)
class Workshop:
    """One stack, how compose is called here, and where its ``.env`` stands."""

    stack: Stack
    words: tuple[str, ...]
    env_file: Path
    secrets: Secrets
    journal: Journal

    @property
    def compose(self) -> Compose:
        return Compose(self.words, self.stack, self.env_file)

    def configure(self, given: Mapping[str, str]) -> None:
        """Folders, secrets, the edge's files and ``.env``; the same again changes nothing."""
        stack = self.stack
        for folder, owner in ((stack.dir / "agent", AGENT), (stack.backup_dir, AGENT)):
            is_new = not folder.exists()
            folder.mkdir(parents=True, exist_ok=True)
            # A folder that is there already may be the mount of an object store, which decides about its owners itself.
            if is_new or folder.parent == stack.dir:
                os.chown(folder, owner, owner)
                folder.chmod(PRIVATE)
        (stack.dir / "settings").mkdir(exist_ok=True)
        if stack.engine == FRAPPE:
            self._ensure_meeting_place()
        self.secrets.ensure(stack, given)
        write_edge(stack)
        write_file(self.env_file, stack.format())

    def _ensure_meeting_place(self) -> None:
        """The folder with the socket of the tenants' database server: the server writes there, agent and benches may enter."""
        folder = self.stack.dir / "tenants"
        folder.mkdir(exist_ok=True)
        os.chown(folder, TENANTS, AGENT)
        folder.chmod(WITH_GROUP)

    def start(self) -> None:
        """Everything, in the order in which one needs the other. Raises :class:`StackError`."""
        compose, journal = self.compose, self.journal
        if any(self.secrets.find(name) is None for name in (OPERATOR_TOKEN, BRIDGE_TOKEN)):
            with journal.step("Prepare the databases, the operator and the tokens"):
                compose.run("up", "--detach", "--wait", "mariadb", "redis")
                compose.run("run", "--rm", "-T", "press-migrate")
                self._ensure_accounts(compose)
        with journal.step("Start the programs"):
            compose.run("up", "--detach", "--remove-orphans")
            self._wait_ready()
        with journal.step("Enrol this host"):
            url = f"http://{self.stack.network}.68:8080"
            enrolment = compose.run(
                "run",
                "--rm",
                "--no-deps",
                "-T",
                "press",
                "server",
                "enrolment",
                SERVER,
                "--control-plane-url",
                url,
            )
            answer = compose.execute("agent-api", "python", "-m", "agent.cli", "enroll", stdin=enrolment)
            compose.press("server", "accept", SERVER, "--json", stdin=json.dumps(answer))
        with journal.step(
            "Build and start the first bench",
            hint="about a minute, with Frappe five and more: the ERP is installed once",
        ):
            compose.press("release", "add", *self._describe_release(), "--json")
            compose.press("bench", "deploy", "--wait", "--json")
        if not self.secrets.list_missing(self.stack):
            with journal.step("Tell the billing system our plans and where we listen"):
                compose.press("plan", "publish", "--lago-url", self.stack.lago_url, "--json")
                compose.execute("bridge-api", "python", "-m", "billing_bridge.cli", "webhook", "ensure")

    def _describe_release(self) -> tuple[str, ...]:
        sources = self.stack.apps.split()
        if self.stack.engine != FRAPPE:
            return ("--engine", self.stack.engine)
        code = [part for source in sources for part in ("--app", source)]
        return ("--engine", FRAPPE, "--version", sources[0].rpartition("@")[2][:12], *code)

    def _wait_ready(self) -> None:
        """Until each program answers that others ask. Raises :class:`StackError` with the one that does not."""
        network, gateway, stack = self.stack.network, self.stack.gateway, self.stack
        urls = {
            "press-api": f"http://{network}.10:8080/health",
            "bridge-api": f"http://{network}.12:8085/health",
            "agent-api": f"http://{gateway}:{stack.agent_port}/health",
            "edge": f"http://{gateway}:{stack.internal_port}/ping",
            **({"lago-sandbox": f"http://{network}.13:8095/health"} if stack.is_trial else {}),
        }
        for name, url in urls.items():
            if not wait_until(lambda url=url: answers_http(url), seconds=READY_SECONDS):  # type: ignore[misc]
                said = self.compose.run("logs", "--no-color", "--tail", "8", name)
                raise StackError(
                    f"{name} does not answer at {url}; see `docker compose logs {name}`.", log=said
                )

    def _ensure_accounts(self, compose: Compose) -> None:
        email, secrets = self.stack.email, self.secrets
        password = secrets.get(OPERATOR_PASSWORD)
        if secrets.find(OPERATOR_TOKEN) is None:
            # The file must be there to be mounted into the container that makes what goes into it.
            secrets.store(OPERATOR_TOKEN, "")
        compose.press("operator", "ensure", email, "--password-stdin", stdin=password)
        for name, whose in (
            (OPERATOR_TOKEN, ("--operator", email, "--name", "init")),
            (BRIDGE_TOKEN, ("--system", "billing-bridge")),
        ):
            if secrets.find(name) is None:
                secrets.store(name, compose.press("token", "create", *whose, "--replace", "--json")["token"])


def build_images(stack: Stack, on_line: Callable[[str], None]) -> tuple[Stack, list[Built]]:
    """The stack with the names of its images, which stand on the engine now."""
    extra_ca = Path(stack.extra_ca) if stack.extra_ca else None
    with closing(DockerConnection(f"unix://{stack.docker_socket}")) as connection:
        images = ProgramImages(
            DockerImages(connection), base=BASE_IMAGE, extra_ca=extra_ca, engine=stack.engine
        )
        built = images.ensure(on_line)
    names = {f"image_{image.name.replace('-', '_')}": image.tag for image in built if image.name != PYTHON}
    return stack.model_copy(update=names), built
