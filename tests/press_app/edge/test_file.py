"""The file that Traefik watches: whole at every moment, and never older than what was published last."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from press_app.edge.file import FileEdge
from press_app.edge.port import Route, RouteState
from tests.factories.processes import free_port

PUBLISHER = """
import sys, time
from pathlib import Path
from press_app.edge.file import FileEdge
from press_app.edge.port import Route, RouteState

file, counter = Path(sys.argv[1]), Path(sys.argv[2])
edge = FileEdge(file, pages_url="http://pages", address="127.0.0.1", port=1, scheme="http")
for _ in range(100):
    def read():
        # The truth moves on at every look, as rows do; whoever looks later knows more.
        number = int(counter.read_text() or 0) + 1
        counter.write_text(str(number))
        return [Route(site_id=str(number), hostname=f"s{number}.localhost", bench_id="b", bench_url="http://b", state=RouteState.LIVE, reason="")]
    edge.publish(read)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "edge" / "dynamic" / "sites.yml"


@pytest.fixture
def edge(file: Path) -> FileEdge:
    return FileEdge(file, pages_url="http://pages", address="127.0.0.1", port=free_port(), scheme="http")


def make_routes(count: int, state: RouteState = RouteState.LIVE) -> list[Route]:
    return [
        Route(
            site_id=f"{number}",
            hostname=f"s{number}.localhost",
            bench_id="b",
            bench_url="http://b",
            state=state,
            reason="billing",
        )
        for number in range(count)
    ]


class TestPublish:
    def test_writes_only_what_changed(self, edge: FileEdge, file: Path) -> None:
        assert edge.publish(lambda: make_routes(2))
        written = file.stat().st_ino
        assert not edge.publish(lambda: list(reversed(make_routes(2))))
        assert file.stat().st_ino == written
        assert edge.publish(lambda: make_routes(3))
        assert "s2.localhost" in file.read_text()

    def test_writes_again_what_was_lost_or_damaged(self, edge: FileEdge, file: Path) -> None:
        edge.publish(lambda: make_routes(1))
        whole = file.read_text()
        for damage in (file.unlink, lambda: file.write_text(whole[:20])):
            damage()
            assert edge.publish(lambda: make_routes(1))
            assert file.read_text() == whole

    def test_leaves_nothing_else_in_the_watched_folder(self, edge: FileEdge, file: Path) -> None:
        for count in range(5):
            edge.publish(lambda count=count: make_routes(count))  # type: ignore[misc]  # bound on purpose
            assert [path.name for path in file.parent.iterdir()] == ["sites.yml"]

    def test_a_failing_read_leaves_the_old_table(self, edge: FileEdge, file: Path) -> None:
        edge.publish(lambda: make_routes(1))
        before = file.read_text()

        def fail() -> list[Route]:
            message = "no database"
            raise OSError(message)

        with pytest.raises(OSError, match="no database"):
            edge.publish(fail)
        assert file.read_text() == before

    def test_a_reader_never_sees_half_a_file(self, edge: FileEdge, file: Path) -> None:
        edge.publish(lambda: make_routes(1))
        stop, torn, looks = threading.Event(), [], 0

        def read() -> None:
            nonlocal looks
            while not stop.is_set():
                try:
                    json.loads(file.read_text())
                except (ValueError, OSError) as error:
                    torn.append(error)
                looks += 1

        reader = threading.Thread(target=read)
        reader.start()
        for round_ in range(60):
            edge.publish(lambda round_=round_: make_routes(1 + round_ % 2 * 500))  # type: ignore[misc]  # bound on purpose
        stop.set()
        reader.join()
        assert looks > 10
        assert torn == []

    def test_of_two_processes_the_one_that_looked_last_wins(self, file: Path, tmp_path: Path) -> None:
        counter = tmp_path / "counter"
        counter.write_text("0")
        command = [sys.executable, "-c", PUBLISHER, str(file), str(counter)]
        running = [subprocess.Popen(command) for _ in range(2)]
        assert [process.wait(60) for process in running] == [0, 0]
        assert counter.read_text() == "200", "somebody looked while another one wrote"
        assert "Host(`s200.localhost`)" in file.read_text()


class TestProbe:
    def test_asks_for_the_host_as_a_browser_would(self, httpserver: HTTPServer, file: Path) -> None:
        seen: list[str] = []

        def answer(request: Request) -> Response:
            seen.append(request.headers["Host"])
            return Response("", 302, {"Location": "/login"})

        httpserver.expect_request("/").respond_with_handler(answer)
        edge = FileEdge(file, pages_url="x", address=httpserver.host, port=httpserver.port, scheme="http")
        assert edge.probe("acme.localhost") == 302
        assert seen == ["acme.localhost"]

    def test_is_zero_when_nobody_answers(self, edge: FileEdge) -> None:
        assert edge.probe("acme.localhost") == 0
