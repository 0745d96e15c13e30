"""The database server of the tenants, by the real compose on a real engine, and the agent's own way to it."""

import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agent.errors import AgentError
from agent.host.docker_connection import DockerConnection
from agent.host.docker_images import DockerImages
from agent.host.mariadb import DatabaseRefused, MariaDB, fetch_all
from scripts.bringup.journal import Journal
from scripts.stack.bringup import Workshop
from scripts.stack.compose import find_compose
from scripts.stack.errors import StackError
from scripts.stack.images import list_recipes, render
from scripts.stack.secrets import TENANTS_PASSWORD, Secrets
from scripts.stack.settings import Stack
from tests.factories.docker_engine import BASE_IMAGE, docker_engine
from tests.factories.processes import wait_until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]
SERVICE = "tenants-mariadb"
IMAGE = "press/mariadb:test0"
PROGRAMS = ("control_plane", "agent", "billing_bridge", "edge", "redis")
BACK_SECONDS = 60.0


@dataclass(frozen=True)
class Server:
    """It runs, and nothing else of its stack."""

    workshop: Workshop
    url: str

    def connect(self, password_file: str = "agent_mariadb_password", user: str = "press") -> MariaDB:
        folder = self.workshop.stack.dir
        return MariaDB(folder / "tenants" / "socket", user, folder / "secrets" / password_file)

    def inspect(self) -> dict[str, Any]:
        label = f"com.docker.compose.project={self.workshop.stack.compose_project_name}"
        with closing(DockerConnection(self.url)) as connection, connection.asking() as client:
            [container] = client.containers.list(all=True, filters={"label": label})
            return dict(container.attrs)

    def kill(self) -> None:
        """End it as the kernel would, and wait until it is well again."""
        old = self.inspect()["State"]["Pid"]
        os.kill(old, signal.SIGKILL)

        def is_back() -> bool:
            state = self.inspect()["State"]
            return state["Pid"] not in {0, old} and state["Health"]["Status"] == "healthy"

        wait_until(is_back, seconds=BACK_SECONDS, what="the server's return")


def build_image(url: str) -> None:
    [recipe] = [recipe for recipe in list_recipes() if recipe.name == "mariadb"]
    with closing(DockerConnection(url)) as connection:
        images = DockerImages(connection)
        base = images.find(BASE_IMAGE)
        assert base is not None
        text = render(recipe.template, base=base.id, python="", has_extra_ca=False)
        context = {**recipe.gather(), "Dockerfile": text.encode()}
        images.build(context, tag=IMAGE, labels={}, on_line=lambda _line: None, timeout_seconds=600)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if os.getuid() != 0:
        pytest.skip("only root gives files away")
    words = find_compose()
    assert words is not None, "no docker compose: it stands in requirements/dev.txt"
    folder = tmp_path_factory.mktemp("stack")
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o755)
    with docker_engine() as engine:
        build_image(engine.url)
        answers: dict[str, Any] = {f"image_{name}": f"press/{name}:test0" for name in PROGRAMS}
        stack = Stack(
            _env_file=None,
            compose_project_name=f"press-test-{secrets.token_hex(3)}",
            domain="localhost",
            dns_provider="none",
            engine="frappe",
            object_store=f"folder:{folder}/backups",
            dir=folder,
            docker_socket=engine.url.removeprefix("unix://"),
            image_mariadb=IMAGE,
            **answers,
        ).derive()
        workshop = Workshop(
            stack, words, folder / ".env", Secrets(folder / "secrets"), Journal(Console(quiet=True))
        )
        workshop.configure({})
        try:
            workshop.compose.run("up", "--detach", "--wait", SERVICE)
            yield Server(workshop, engine.url)
        finally:
            workshop.compose.run("down", "--volumes", "--timeout", "10")


def test_the_agent_comes_in_by_its_own_file_and_nobody_else(server: Server, tmp_path: Path) -> None:
    with server.connect().connected() as cursor:
        accounts = {name for (name,) in fetch_all(cursor, "SELECT user FROM mysql.global_priv")}
        assert fetch_all(cursor, "SHOW VARIABLES LIKE 'skip_networking'") == [("skip_networking", "ON")]
    assert accounts == {"press", "mariadb.sys"}
    (tmp_path / "wrong").write_text("")
    for user in ("root", "tenants", "press", ""):
        stranger = MariaDB(server.connect().socket, user, tmp_path / "wrong")
        with pytest.raises(AgentError, match="Access denied"), stranger.connected():
            pass


def test_it_has_no_network_no_right_and_no_secret_in_its_environment(server: Server) -> None:
    found = server.inspect()
    assert found["HostConfig"]["NetworkMode"] == "none"
    assert found["HostConfig"]["CapDrop"] == ["ALL"]
    assert found["HostConfig"]["ReadonlyRootfs"]
    assert server.workshop.secrets.get(TENANTS_PASSWORD) not in str(found)
    place = server.connect().socket.parent.stat()
    assert (place.st_mode & 0o777, place.st_uid, place.st_gid) == (0o750, 10007, 10002)


def test_a_tenant_has_his_database_and_no_other(server: Server) -> None:
    with server.connect().connected() as cursor:
        for name in ("s1", "s2"):
            cursor.execute(f"CREATE DATABASE {name}")
            cursor.execute(f"CREATE USER {name}@localhost IDENTIFIED BY 'tenants-own-word'")
            cursor.execute(f"GRANT ALL ON {name}.* TO {name}@localhost")
    with server.connect().connected_as("s1", "tenants-own-word") as cursor:
        cursor.execute("CREATE TABLE t (n INT)")
    for statement in ("USE s2", "SELECT * INTO OUTFILE '/run/tenants/out' FROM t"):
        tenant = server.connect().connected_as("s1", "tenants-own-word")
        with pytest.raises(DatabaseRefused, match="denied"), tenant as cursor:
            cursor.execute(statement)


def test_a_command_that_failed_inside_is_noticed(server: Server) -> None:
    compose = server.workshop.compose
    assert compose.execute(SERVICE, "echo", '{"a": 1}') == {"a": 1}
    with pytest.raises(StackError, match="failed") as refused:
        compose.execute(SERVICE, "mariadb", "--no-defaults", "--socket=/run/tenants/socket", "--user=root")
    assert "Access denied" in refused.value.log


def test_killed_it_is_back_with_all_that_was_committed(server: Server) -> None:
    with server.connect().connected() as cursor:
        cursor.execute("CREATE DATABASE kept")
        cursor.execute("CREATE TABLE kept.t (n INT)")
        cursor.execute("INSERT INTO kept.t VALUES (1), (2)")
    server.kill()
    with server.connect().connected() as cursor:
        assert fetch_all(cursor, "SELECT COUNT(*) FROM kept.t") == [(2,)]


def test_the_file_decides_about_the_password(server: Server) -> None:
    folder = server.workshop.stack.dir / "secrets"
    (folder / TENANTS_PASSWORD).write_text("another-word-of-ours\n")
    server.workshop.configure({})
    with pytest.raises(AgentError, match="Access denied"), server.connect().connected():
        pass
    server.kill()
    with server.connect().connected() as cursor:
        assert fetch_all(cursor, "SELECT 1") == [(1,)]
