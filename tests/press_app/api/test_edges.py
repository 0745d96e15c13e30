"""What happens around every request: problems, limits, headers, logs."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

import pytest
from fastapi import APIRouter, FastAPI, Query
from fastapi.testclient import TestClient
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm.exc import StaleDataError

from press_app.api.app import create_app
from press_app.api.middleware import MAX_BODY_BYTES
from press_app.bootstrap import Runtime
from press_app.errors import Conflict, PressError
from press_app.work.unit_of_work import Work
from tests.factories.access import bearer, make_token
from tests.factories.teams import make_team


class Away(PressError):
    """An agent is away."""

    code = "agent_unreachable"
    status = 503


class Form(BaseModel):
    name: str


ERRORS: dict[str, Exception] = {
    "conflict": Conflict("Busy with: a move. Nothing was changed.", code="mine", purpose="a move"),
    "away": Away("The agent does not answer.", retry_after=7),
    "stale": StaleDataError(),
    "database": OperationalError("SELECT canary", {"p": "canary"}, Exception("canary")),
    "unique": IntegrityError("INSERT canary", {"p": "canary"}, Exception("canary")),
    "unexpected": RuntimeError("canary"),
}
router = APIRouter()

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""Nothing here depends on the kind of database."""


@router.get("/fail/{kind}")
def fail(kind: str) -> None:
    raise ERRORS[kind]


@router.post("/echo")
def echo(form: Form, n: Annotated[int, Query()] = 0) -> Form:
    return form


@pytest.fixture
def app(runtime: Runtime) -> FastAPI:
    app = create_app(runtime)
    app.include_router(router)
    return app


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


class TestProblems:
    @pytest.mark.parametrize(
        ("kind", "status", "code"),
        [
            ("conflict", 409, "conflict"),
            ("away", 503, "agent_unreachable"),
            ("stale", 409, "stale_write"),
            ("database", 503, "database_busy"),
            ("unique", 409, "conflict"),
            ("unexpected", 500, "internal_error"),
        ],
    )
    def test_have_one_shape_and_leak_nothing(
        self, client: TestClient, kind: str, status: int, code: str
    ) -> None:
        answer = client.get(f"/fail/{kind}", headers={"X-Correlation-ID": "from-a-caller.1"})
        body = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
        assert {"type", "title", "detail", "correlation_id"} <= set(body)
        assert body["correlation_id"] == answer.headers["x-correlation-id"] == "from-a-caller.1"
        assert "canary" not in answer.text

    def test_carry_what_programs_need(self, client: TestClient) -> None:
        assert client.get("/fail/conflict").json()["purpose"] == "a move"
        assert client.get("/fail/away").headers["retry-after"] == "7"

    def test_are_given_for_unknown_addresses_and_methods(self, client: TestClient) -> None:
        assert client.get("/nowhere").json()["code"] == "not_found"
        answer = client.put("/v1/plans", json={})
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
        assert "GET" in answer.headers["allow"]

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b"\xff\xfe",
            b'{"name": 7}',
            b'{"name": "\\ud800"}',
            b"[" * 50_000,
            b'{"name": ' + b"9" * 5000 + b"}",
        ],
        ids=["empty", "open", "list", "null", "no-utf8", "type", "surrogate", "deep", "huge-number"],
    )
    def test_are_given_for_bodies_that_do_not_fit(self, client: TestClient, body: bytes) -> None:
        answer = client.post("/echo", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 422}
        assert answer.json()["code"] in {"request_invalid", "request_malformed", "text_invalid"}

    @pytest.mark.parametrize("query", ["n=x", "n=%00", "n=1e999", "n=" + "9" * 5000, "n=%ff"])
    def test_are_given_for_queries_that_do_not_fit(self, client: TestClient, query: str) -> None:
        assert client.post(f"/echo?{query}", json={"name": "x"}).status_code == 422


class TestCorrelation:
    @pytest.mark.parametrize("given", ["", "a b", "x" * 65, "<script>", "-x"])
    def test_is_made_anew_where_the_given_one_is_not_a_name(self, client: TestClient, given: str) -> None:
        made = client.get("/health", headers={"X-Correlation-ID": given}).headers["x-correlation-id"]
        assert made != given
        assert len(made) == 36


class TestLimits:
    def test_refuse_large_bodies_whether_announced_or_not(self, client: TestClient) -> None:
        large = b'{"name": "' + b"x" * MAX_BODY_BYTES + b'"}'
        answer = client.post("/echo", content=large)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")

        def pieces() -> Iterator[bytes]:
            for start in range(0, len(large), 65536):
                yield large[start : start + 65536]

        answer = client.post("/echo", content=pieces(), headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")

    @pytest.mark.parametrize("length", ["-1", "abc", "1" * 5000])
    def test_refuse_lengths_that_are_none(self, client: TestClient, length: str) -> None:
        assert client.get("/v1/plans", headers={"Content-Length": length}).status_code == 413

    def test_hold_back_strangers_by_address_but_not_health(self, runtime: Runtime) -> None:
        settings = runtime.settings.model_copy(update={"anonymous_requests_per_minute": 3})
        slow = replace(runtime, settings=settings)
        with TestClient(create_app(slow)) as client:
            assert [client.get("/v1/plans").status_code for _ in range(4)] == [200, 200, 200, 429]
            answer = client.get("/v1/plans")
            assert answer.json()["code"] == "too_many_requests"
            assert answer.headers["retry-after"] == "60"
            assert client.get("/health").status_code == 200

    def test_hold_back_each_token_of_a_team_but_no_program_of_the_platform(
        self, runtime: Runtime, work: Work
    ) -> None:
        settings = runtime.settings.model_copy(update={"requests_per_minute": 3})
        with work.begin(actor="test") as uow:
            team = make_team(uow)
            first, second = (bearer(make_token(uow, ["sites:read"], team_id=team.id)) for _ in range(2))
            system = bearer(make_token(uow, ["subscriptions:write"]))
        with TestClient(create_app(replace(runtime, settings=settings))) as client:
            seen = [
                [client.get("/v1/me", headers=head).status_code for _ in range(4)]
                for head in (first, second, system)
            ]
        assert seen == [[200, 200, 200, 429]] * 2 + [[200] * 4]


class TestSecurityHeaders:
    @pytest.mark.parametrize("path", ["/health", "/v1/plans", "/nowhere", "/fail/unexpected", "/docs"])
    def test_stand_on_every_answer(self, client: TestClient, path: str) -> None:
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "strict-transport-security" not in headers

    def test_demand_https_where_the_site_has_it(self, runtime: Runtime) -> None:
        settings = runtime.settings.model_copy(update={"public_url": "https://press.example"})
        with TestClient(create_app(replace(runtime, settings=settings))) as client:
            assert "max-age" in client.get("/health").headers["strict-transport-security"]


class TestAccessLog:
    def test_tells_who_asked_what_without_query_and_secrets(
        self, client: TestClient, work: Work, log_lines: io.StringIO
    ) -> None:
        with work.begin(actor="test") as uow:
            secret = make_token(uow, ["operator"])
        client.get("/v1/teams?cursor=canary", headers=bearer(secret))
        client.get("/health")
        client.get("/fail/unexpected")
        written = log_lines.getvalue()
        lines = [json.loads(line) for line in written.splitlines()]
        requests = [line for line in lines if line["event"] == "api.request"]
        assert [(line["route"], line["status"]) for line in requests] == [
            ("/v1/teams", 422),
            ("/fail/{kind}", 500),
        ]
        assert requests[0]["actor"].startswith("token:")
        assert requests[0]["correlation_id"]
        assert secret not in written
        assert "cursor=canary" not in written
        assert any(
            line["event"] == "api.unexpected" and "RuntimeError" in line["exception"] for line in lines
        )


class TestHalfCharacters:
    @pytest.mark.parametrize(
        ("text", "status"),
        [
            (r"\ud83d\ude00", 200),
            (r"\\ud800", 200),
            ("😀", 200),
            (r"\ud83d", 422),
            (r"\ude00", 422),
            (r"\uDE00\uD83D", 422),
            (r"\ud83d\ud83d\ude00", 422),
            (r"\\\ud83d", 422),
            (r"\ud83d x \ude00", 422),
        ],
    )
    def test_are_refused_and_whole_ones_are_not(self, client: TestClient, text: str, status: int) -> None:
        body = f'{{"name": "{text}"}}'.encode()
        answer = client.post("/echo", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == status
        if status == 200:
            assert answer.json() == json.loads(body)
