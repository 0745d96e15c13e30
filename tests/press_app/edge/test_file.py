"""The file that Traefik watches: whole at every moment, and never older than what was published last."""

import fcntl
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from press_app.edge.file import FileEdge
from press_app.edge.port import Mark, News, ReadNews, Route, RouteState
from tests.factories.processes import free_port

PUBLISHER = """
import sys, time
from pathlib import Path
from press_app.edge.file import FileEdge
from press_app.edge.port import News, Route, RouteState

file, counter = Path(sys.argv[1]), Path(sys.argv[2])
edge = FileEdge(file, pages_url="http://pages", probe_url="http://127.0.0.1:1")
for _ in range(100):
    def read(_mark):
        # The truth moves on at every look, as rows do; whoever looks later knows more.
        number = int(counter.read_text() or 0) + 1
        counter.write_text(str(number))
        route = Route(site_id=str(number), hostname=f"s{number}.localhost", bench_id="b", bench_url="http://b", state=RouteState.LIVE, reason="")
        return News.whole([route])
    edge.publish(read)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "edge" / "dynamic" / "sites.yml"


@pytest.fixture
def edge(file: Path) -> FileEdge:
    return FileEdge(file, pages_url="http://pages", probe_url=f"http://127.0.0.1:{free_port()}")


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


def whole(count: int) -> ReadNews:
    """Reads a table of so many routes."""
    return lambda _mark: News.whole(make_routes(count))


class TestPublish:
    def test_writes_only_what_changed(self, edge: FileEdge, file: Path) -> None:
        assert edge.publish(whole(2))
        written = file.stat().st_ino
        assert not edge.publish(lambda _mark: News.whole(reversed(make_routes(2))))
        assert file.stat().st_ino == written
        assert edge.publish(whole(3))
        assert "s2.localhost" in file.read_text()

    def test_writes_again_what_was_lost_or_damaged(self, edge: FileEdge, file: Path) -> None:
        edge.publish(whole(1))
        written = file.read_text()
        for damage in (file.unlink, lambda: file.write_text(written[:20])):
            damage()
            assert edge.publish(whole(1))
            assert file.read_text() == written

    def test_leaves_nothing_else_in_the_watched_folder(self, edge: FileEdge, file: Path) -> None:
        for count in range(5):
            edge.publish(whole(count))
            assert [path.name for path in file.parent.iterdir()] == ["sites.yml"]

    def test_a_failing_read_leaves_the_old_table(self, edge: FileEdge, file: Path) -> None:
        edge.publish(whole(1))
        before = file.read_text()

        def fail(_mark: Mark | None) -> News:
            message = "no database"
            raise OSError(message)

        with pytest.raises(OSError, match="no database"):
            edge.publish(fail)
        assert file.read_text() == before

    def test_a_reader_never_sees_half_a_file(self, edge: FileEdge, file: Path) -> None:
        edge.publish(whole(1))
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
            edge.publish(whole(1 + round_ % 2 * 500))
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


class TestNews:
    def test_a_change_is_written_and_the_rest_stays(self, edge: FileEdge, file: Path) -> None:
        edge.publish(whole(3))
        (moved,) = make_routes(1, RouteState.SUSPENDED)
        mark = Mark(1, frozenset({1}))
        assert edge.publish(lambda _mark: News(mark=mark, routes={"0": moved, "2": None}))
        routers = json.loads(file.read_text())["http"]["routers"]
        assert routers["live-b-0"]["rule"] == "Host(`s1.localhost`)"
        assert routers["suspended-billing-0"]["rule"] == "Host(`s0.localhost`)"

    def test_asks_for_what_came_after_the_last_mark(self, edge: FileEdge) -> None:
        asked: list[Mark | None] = []

        def read(mark: Mark | None) -> News:
            asked.append(mark)
            here = Mark(len(asked), frozenset())
            return News.whole(make_routes(1), here) if mark is None else News(mark=here, routes={})

        assert [edge.publish(read) for _ in range(3)] == [True, False, False]
        assert asked == [None, Mark(1, frozenset()), Mark(2, frozenset())]

    def test_without_news_the_file_is_only_looked_at(self, edge: FileEdge, file: Path) -> None:
        edge.publish(whole(2))
        before = file.read_text()
        file.write_text(before[:20])
        nothing = News(mark=Mark(1, frozenset()), routes={})
        assert edge.publish(lambda _mark: nothing), "it is written again from memory"
        assert file.read_text() == before
        assert not edge.publish(lambda _mark: nothing)

    def test_a_change_that_could_not_be_written_is_written_later(self, edge: FileEdge, file: Path) -> None:
        edge.publish(whole(1))
        blocker = file.parent.parent / "staging" / file.name
        blocker.mkdir()
        (changed,) = make_routes(1, RouteState.SUSPENDED)
        mark = Mark(1, frozenset())
        with pytest.raises(IsADirectoryError):
            edge.publish(lambda _mark: News(mark=mark, routes={"0": changed}))
        blocker.rmdir()
        assert edge.publish(lambda _mark: News(mark=mark, routes={}))
        assert "suspended-billing-0" in file.read_text()


class TestProbe:
    def test_asks_for_the_host_as_a_browser_would(self, httpserver: HTTPServer, file: Path) -> None:
        seen: list[tuple[str, str]] = []

        def answer(request: Request) -> Response:
            seen.append((request.headers["Host"], request.path))
            return Response("", 302, {"Location": "/login"})

        httpserver.expect_request("/-/up").respond_with_handler(answer)
        edge = FileEdge(file, pages_url="x", probe_url=httpserver.url_for("").rstrip("/"))
        assert edge.probe("acme.localhost") == 302
        assert seen == [("acme.localhost", "/-/up")]

    def test_asks_a_bench_that_has_no_such_page_for_its_first(
        self, httpserver: HTTPServer, file: Path
    ) -> None:
        httpserver.expect_request("/-/up").respond_with_data("", 404)
        httpserver.expect_request("/").respond_with_data("ERP")
        edge = FileEdge(file, pages_url="x", probe_url=httpserver.url_for("").rstrip("/"))
        assert edge.probe("acme.localhost") == 200

    def test_is_zero_when_nobody_answers(self, edge: FileEdge) -> None:
        assert edge.probe("acme.localhost") == 0


class TestAnotherPublisher:
    def test_is_waited_for_by_who_must_publish_and_not_by_a_sweep(self, file: Path, edge: FileEdge) -> None:
        lock = file.parent.parent / "staging" / "lock"
        lock.parent.mkdir(parents=True)
        with lock.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            assert edge.publish(whole(1), waits=False) is False
            assert not file.exists()
            waiting = threading.Thread(target=edge.publish, args=(whole(1),))
            waiting.start()
            waiting.join(0.3)
            assert waiting.is_alive()
            assert not file.exists()
        waiting.join(10)
        assert file.exists()
