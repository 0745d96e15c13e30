"""Health, readiness and metrics."""

from dataclasses import replace

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from press_app.api.app import create_app
from press_app.bootstrap import Runtime
from press_app.edge.fake import FakeEdge
from press_app.kit.clock import FixedClock
from press_app.kit.db import open_database
from press_app.work.bell import RedisBell
from press_app.work.ticker import Ticker
from press_app.work.unit_of_work import Work
from tests.factories.processes import free_port
from tests.press_app.work.support import make_task, promise, with_tasks


def read_checks(client: TestClient) -> tuple[int, str, dict[str, str]]:
    answer = client.get("/ready")
    body = answer.json()
    return answer.status_code, body["status"], {check["name"]: check["state"] for check in body["checks"]}


class TestReady:
    def test_is_ok_when_all_answers(self, client: TestClient, runtime: Runtime) -> None:
        Ticker(runtime.runner, runtime.bell).tick()
        assert read_checks(client) == (
            200,
            "ok",
            {"database": "ok", "redis": "ok", "edge": "ok", "agents": "ok", "clock": "ok"},
        )

    def test_tells_of_a_clock_that_stands_still(
        self, client: TestClient, runtime: Runtime, clock: FixedClock
    ) -> None:
        assert read_checks(client)[2]["clock"] == "degraded"
        ticker = Ticker(runtime.runner, runtime.bell)
        ticker.tick()
        clock.advance(minutes=1)
        assert read_checks(client)[2]["clock"] == "ok"
        clock.advance(minutes=2)
        assert read_checks(client)[:2] == (200, "degraded")
        ticker.tick()
        assert read_checks(client)[2]["clock"] == "ok"

    def test_is_degraded_without_the_edge(self, client: TestClient, edge: FakeEdge) -> None:
        edge.is_down = True
        status, word, checks = read_checks(client)
        assert (status, word, checks["edge"]) == (200, "degraded", "degraded")

    def test_names_redis_and_the_database_when_they_are_away(self, runtime: Runtime, work: Work) -> None:
        bell = RedisBell(f"redis://127.0.0.1:{free_port()}/0")
        gone = open_database(f"mysql+pymysql://x:canary@127.0.0.1:{free_port()}/none")
        for broken, name in ((replace(work, bell=bell), "redis"), (replace(work, database=gone), "database")):
            with TestClient(create_app(replace(runtime, work=broken))) as client:
                status, word, checks = read_checks(client)
                assert (status, word, checks[name]) == (503, "down", "down")
                assert client.get("/health").status_code == 200
                assert "canary" not in client.get("/ready").text
        gone.dispose()


class TestMetrics:
    def read(self, client: TestClient) -> dict[tuple[str, tuple[str, ...]], float]:
        text = client.get("/metrics").text
        return {
            (sample.name, tuple(sorted(sample.labels.values()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def test_count_requests_by_route_and_not_by_address(self, client: TestClient) -> None:
        for path in ("/v1/plans/a", "/v1/plans/b", "/nowhere/1", "/nowhere/2"):
            client.get(path)
        figures = self.read(client)
        assert figures["press_http_requests_total", ("/v1/plans/{code}", "404", "GET")] == 2
        assert figures["press_http_requests_total", ("404", "GET", "unmatched")] == 2

    def test_count_tasks_by_status_and_the_longest_wait(
        self, runtime: Runtime, work: Work, clock: FixedClock
    ) -> None:
        knowing, runner = with_tasks(work, make_task(lambda: None))
        runner.run(promise(knowing))
        promise(knowing)
        clock.advance(seconds=30)
        with TestClient(create_app(runtime)) as client:
            figures = self.read(client)
        assert figures["press_tasks", ("waiting",)] == 1
        assert ("press_tasks", ("done",)) not in figures, "what is over grows for ever"
        assert figures["press_task_oldest_seconds", ()] == 30
        assert figures["press_database_up", ()] == 1

    def test_say_when_the_database_is_away(self, runtime: Runtime, work: Work) -> None:
        gone = open_database(f"mysql+pymysql://x:y@127.0.0.1:{free_port()}/none")
        with TestClient(create_app(replace(runtime, work=replace(work, database=gone)))) as client:
            assert self.read(client)["press_database_up", ()] == 0
        gone.dispose()
