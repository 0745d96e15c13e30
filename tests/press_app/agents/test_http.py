"""The real adapter, against a real HTTP server that answers as agents do."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from press_app.agents import credentials
from press_app.agents.http import HttpAgents
from press_app.agents.port import AgentAddress, AgentBusy, AgentRefused, AgentUnreachable, JobOrder
from press_app.kit.clock import FixedClock
from tests.factories.processes import free_port
from tests.factories.servers import make_key

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
KEY = make_key()
ORDER = JobOrder(
    job_id="job-1",
    operation="create_site",
    target="site:1",
    params={"hostname": "acme.localhost"},
    deadline=NOW,
    correlation_id="c-1",
)


@pytest.fixture
def agents() -> HttpAgents:
    return HttpAgents(KEY, FixedClock(NOW))


@pytest.fixture
def address(httpserver: HTTPServer) -> AgentAddress:
    return AgentAddress("server-1", httpserver.url_for("").rstrip("/"))


def problem(status: int, code: str, **context: Any) -> Response:
    body = {"title": "x", "status": status, "detail": "It cannot be.", "code": code, **context}
    return Response(json.dumps(body), status, content_type="application/problem+json")


class TestPutJob:
    def test_signs_for_server_operation_job_and_body(
        self, agents: HttpAgents, address: AgentAddress, httpserver: HTTPServer
    ) -> None:
        seen: list[tuple[Request, bytes]] = []

        def take(request: Request) -> Response:
            seen.append((request, request.get_data()))
            return Response("{}", 202, content_type="application/json")

        httpserver.expect_request("/v1/jobs/job-1", method="PUT").respond_with_handler(take)
        agents.put_job(address, ORDER)
        ((request, body),) = seen
        assert json.loads(body) == {
            "operation": "create_site",
            "target": "site:1",
            "params": {"hostname": "acme.localhost"},
            "deadline": "2026-11-23T10:00:00+00:00",
            "correlation_id": "c-1",
        }
        assert request.headers["X-Correlation-ID"] == "c-1"
        token = request.headers["Authorization"].removeprefix("Bearer ")
        public = OKPKey.import_key(KEY.as_pem(private=False))
        claims = jwt.decode(token, public, registry=credentials._REGISTRY).claims
        assert (claims["aud"], claims["op"], claims["jti"]) == ("server-1", "create_site", "job-1")
        assert claims["body_sha256"] == hashlib.sha256(body).hexdigest()

    def test_tells_busy_with_holder_and_purpose(
        self, agents: HttpAgents, address: AgentAddress, httpserver: HTTPServer
    ) -> None:
        answer = problem(423, "target_busy", holder="job-0", purpose="Back up")
        httpserver.expect_request("/v1/jobs/job-1").respond_with_response(answer)
        with pytest.raises(AgentBusy) as busy:
            agents.put_job(address, ORDER)
        assert busy.value.context == {"holder": "job-0", "purpose": "Back up"}

    @pytest.mark.parametrize(
        ("status", "code"), [(409, "job_conflict"), (404, "operation_unknown"), (422, "params_invalid")]
    )
    def test_tells_refused_with_the_agents_reason(
        self, agents: HttpAgents, address: AgentAddress, httpserver: HTTPServer, status: int, code: str
    ) -> None:
        httpserver.expect_request("/v1/jobs/job-1").respond_with_response(problem(status, code))
        with pytest.raises(AgentRefused, match="It cannot be") as refused:
            agents.put_job(address, ORDER)
        assert refused.value.context == {"agent_code": code, "agent_status": status}

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (200, "<html>"),
            (200, "[]"),
            (304, "{}"),
            (500, "{}"),
            (502, "<html>"),
            (503, '{"code": "not_ready"}'),
            (401, '{"code": "credential_expired"}'),
            (429, "{}"),
            (400, '["rubbish"]'),
        ],
    )
    def test_what_says_nothing_about_the_job_is_sent_again(
        self, agents: HttpAgents, address: AgentAddress, httpserver: HTTPServer, status: int, body: str
    ) -> None:
        httpserver.expect_request("/v1/jobs/job-1").respond_with_data(body, status)
        with pytest.raises(AgentUnreachable):
            agents.put_job(address, ORDER)

    def test_nobody_there(self, agents: HttpAgents) -> None:
        nowhere = AgentAddress("server-1", f"http://127.0.0.1:{free_port()}")
        with pytest.raises(AgentUnreachable) as unreachable:
            agents.put_job(nowhere, ORDER)
        assert unreachable.value.context == {"server_id": "server-1"}

    @pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
    def test_numbers_that_are_none(
        self, agents: HttpAgents, address: AgentAddress, httpserver: HTTPServer, number: str
    ) -> None:
        """No database stores them, so the agent counts as one that gave no answer."""
        httpserver.expect_request("/v1/state").respond_with_data(f'{{"a": [{number}]}}')
        with pytest.raises(AgentUnreachable):
            agents.read_state(address)

    def test_follows_no_redirect(
        self, agents: HttpAgents, address: AgentAddress, httpserver: HTTPServer
    ) -> None:
        httpserver.expect_request("/v1/jobs/job-1").respond_with_data(
            "moved", 307, headers={"Location": httpserver.url_for("/elsewhere")}
        )
        with pytest.raises(AgentUnreachable):
            agents.put_job(address, ORDER)
        assert [request.path for request, _ in httpserver.log] == ["/v1/jobs/job-1"]


class TestReads:
    def test_finds_a_job_or_nothing(
        self, agents: HttpAgents, address: AgentAddress, httpserver: HTTPServer
    ) -> None:
        httpserver.expect_request("/v1/jobs/job-1", method="GET").respond_with_json({"id": "job-1"})
        httpserver.expect_request("/v1/jobs/job-2").respond_with_response(problem(404, "job_unknown"))
        httpserver.expect_request("/v1/jobs/job-3").respond_with_response(problem(404, "not_found"))
        assert agents.find_job(address, "job-1") == {"id": "job-1"}
        assert agents.find_job(address, "job-2") is None
        with pytest.raises(AgentRefused):
            agents.find_job(address, "job-3")

    def test_reads_events_after_a_cursor(
        self, agents: HttpAgents, address: AgentAddress, httpserver: HTTPServer
    ) -> None:
        query = {"after": "7", "limit": "500"}
        httpserver.expect_request("/v1/events", query_string=query).respond_with_json(
            {"ledger_id": "l-1", "events": [{"seq": 8}], "next": 8}
        )
        batch = agents.read_events(address, 7)
        assert (batch.ledger_id, batch.events) == ("l-1", [{"seq": 8}])

    def test_reads_the_state(self, agents: HttpAgents, address: AgentAddress, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/v1/state").respond_with_json({"sites": []})
        assert agents.read_state(address) == {"sites": []}

    def test_reads_the_log_of_a_bench(
        self, agents: HttpAgents, address: AgentAddress, httpserver: HTTPServer
    ) -> None:
        httpserver.expect_request("/v1/benches/b-1/log").respond_with_json({"bench_id": "b-1", "text": "up"})
        httpserver.expect_request("/v1/benches/b-2/log").respond_with_json({"bench_id": "b-2"})
        assert agents.read_bench_log(address, "b-1") == "up"
        with pytest.raises(AgentUnreachable):
            agents.read_bench_log(address, "b-2")

    def test_reads_what_a_bench_takes(
        self, agents: HttpAgents, address: AgentAddress, httpserver: HTTPServer
    ) -> None:
        figures = {"memory_bytes": 5, "memory_limit_bytes": 9, "processor_seconds": 0.5, "processes": 1}
        httpserver.expect_request("/v1/benches/b-1/stats").respond_with_json({"status": "running"} | figures)
        httpserver.expect_request("/v1/benches/b-2/stats").respond_with_json({"memory_bytes": "much"})
        told = {"bench_id": "b-1", "status": "running"}
        assert agents.read_bench_stats(address, "b-1") == told | figures
        with pytest.raises(AgentUnreachable):
            agents.read_bench_stats(address, "b-2")

    @pytest.mark.parametrize("answer", [{}, {"ledger_id": "l"}, {"ledger_id": "l", "events": 5}])
    def test_an_answer_without_events_is_no_answer(
        self, agents: HttpAgents, address: AgentAddress, httpserver: HTTPServer, answer: dict[str, Any]
    ) -> None:
        httpserver.expect_request("/v1/events").respond_with_json(answer)
        with pytest.raises(AgentUnreachable):
            agents.read_events(address, 0)
