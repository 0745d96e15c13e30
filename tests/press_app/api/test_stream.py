"""The stream of events over a real server and a real Redis."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from press_app.access import service as access
from press_app.api import stream
from press_app.api.app import create_app
from press_app.bootstrap import Runtime
from press_app.teams.model import Team
from press_app.work.bell import RedisBell
from press_app.work.unit_of_work import Work
from tests.factories.access import make_token
from tests.factories.processes import free_port, wait_until
from tests.factories.teams import make_team

PROMPT_SECONDS = 0.9
"""Faster than the poll that covers for Redis."""


@contextmanager
def serving(app: FastAPI) -> Iterator[int]:
    """A real server in a thread; yields its port."""
    port = free_port()
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_config=None, access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, what="the server's start")
        yield port
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@dataclass
class Listener:
    """One open stream."""

    answer: http.client.HTTPResponse

    def next_event(self) -> dict[str, str]:
        """The next event with its fields; comments are skipped. Empty at the end of the stream."""
        event: dict[str, str] = {}
        while line := self.answer.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name and not line.startswith(":"):
                event[name] = value
            if line == "\n":
                if "data" in event:
                    return event
                event = {}
        return {}

    def messages(self, number: int) -> list[str]:
        return [json.loads(self.next_event()["data"])["message"] for _ in range(number)]

    def wait_for_opening(self) -> int:
        """The cursor that the stream begins with."""
        while not (line := self.answer.readline().decode()).startswith("id: "):
            assert line, "the stream ended before it began"
        return int(line.removeprefix("id: "))


@contextmanager
def listening(port: int, token: str, query: str = "", **headers: str) -> Iterator[Listener]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    connection.request("GET", f"/v1/events{query}", headers={"Authorization": f"Bearer {token}", **headers})
    try:
        yield Listener(connection.getresponse())
    finally:
        connection.close()


def record(work: Work, *messages: str, team_id: str | None, subject: str = "site:1") -> None:
    with work.begin(actor="test") as uow:
        for message in messages:
            uow.record("site.active", subject, message, team_id=team_id)
            uow.session.flush()


@dataclass
class Scene:
    port: int
    work: Work
    team: Team
    other: Team
    token: str
    operator: str


def make_scene(work: Work, port: int) -> Scene:
    with work.begin(actor="test") as uow:
        team, other = make_team(uow), make_team(uow)
        token = make_token(uow, ["sites:read"], team_id=team.id)
        operator = make_token(uow, ["operator"])
    return Scene(port, work, team, other, token, operator)


@pytest.fixture
def scene(runtime: Runtime, redis_url: str) -> Iterator[Scene]:
    """The API with Redis behind it."""
    work = replace(runtime.work, bell=RedisBell(redis_url))
    with serving(create_app(replace(runtime, work=work), redis_url=redis_url)) as port:
        yield make_scene(work, port)


class TestStream:
    @pytest.mark.redis
    def test_tells_at_once_what_happens_to_my_teams_and_nothing_else(self, scene: Scene) -> None:
        with listening(scene.port, scene.token) as mine, listening(scene.port, scene.operator) as all_of_them:
            mine.wait_for_opening()
            all_of_them.wait_for_opening()
            started = time.monotonic()
            record(scene.work, "theirs", team_id=scene.other.id)
            record(scene.work, "nobody's", team_id=None)
            record(scene.work, "mine", team_id=scene.team.id)
            event = mine.next_event()
            assert time.monotonic() - started < PROMPT_SECONDS
            assert all_of_them.messages(3) == ["theirs", "nobody's", "mine"]
        assert event["event"] == "site.active"
        data: dict[str, Any] = json.loads(event["data"])
        assert (data["message"], data["subject"], str(data["id"])) == ("mine", "site:1", event["id"])

    @pytest.mark.redis
    def test_goes_on_where_it_broke_off(self, scene: Scene) -> None:
        with listening(scene.port, scene.token) as first:
            start = first.wait_for_opening()
            record(scene.work, "one", "two", "three", team_id=scene.team.id)
            assert first.messages(1) == ["one"]
        headers = {"Last-Event-ID": str(start + 1)}
        with listening(scene.port, scene.token, "?after=0", **headers) as second:
            got = second.messages(2)
        assert got[-1] == "three"
        with listening(scene.port, scene.token, f"?after={start}") as third:
            assert third.messages(3) == ["one", "two", "three"]

    @pytest.mark.redis
    def test_can_be_narrowed_to_one_subject(self, scene: Scene) -> None:
        with listening(scene.port, scene.token, "?subject=site:7") as listener:
            listener.wait_for_opening()
            record(scene.work, "other", team_id=scene.team.id)
            record(scene.work, "seven", team_id=scene.team.id, subject="site:7")
            assert listener.messages(1) == ["seven"]

    @pytest.mark.redis
    @pytest.mark.parametrize(
        ("token", "query", "status"),
        [("none", "", 401), ("token", "?after=-1", 422), ("token", "?after=x", 422), ("weak", "", 403)],
    )
    def test_refuses_before_it_begins(self, scene: Scene, token: str, query: str, status: int) -> None:
        with scene.work.begin(actor="test") as uow:
            weak = make_token(uow, ["billing:read"], team_id=scene.team.id)
        secrets = {"none": "press_nothing", "token": scene.token, "weak": weak}
        with listening(scene.port, secrets[token], query) as listener:
            assert listener.answer.status == status
            assert listener.answer.headers["content-type"] == "application/problem+json"

    @pytest.mark.redis
    def test_ends_when_the_token_is_revoked(self, scene: Scene) -> None:
        with scene.work.begin(actor="test") as uow:
            issued = access.create_token(uow, name="x", scopes=["sites:read"], team_id=scene.team.id)
        with listening(scene.port, issued.secret) as listener:
            listener.wait_for_opening()
            with scene.work.begin(actor="test") as uow:
                access.revoke_token(uow, issued.row.id, team_id=scene.team.id)
            started = time.monotonic()
            while listener.next_event():
                assert time.monotonic() - started < 2 * stream.CHECK_SECONDS
            assert time.monotonic() - started < 2 * stream.CHECK_SECONDS

    @pytest.mark.redis
    def test_is_limited_for_each_caller(self, scene: Scene) -> None:
        open_streams = [listening(scene.port, scene.token) for _ in range(stream.STREAMS_OF_ONE)]
        for one in open_streams:
            one.__enter__().wait_for_opening()
        try:
            with listening(scene.port, scene.token) as listener:
                assert listener.answer.status == 429
        finally:
            for one in open_streams:
                one.__exit__(None, None, None)

    def test_works_without_redis_and_ends_in_time(self, runtime: Runtime) -> None:
        settings = runtime.settings.model_copy(update={"stream_seconds": 3})
        away = f"redis://127.0.0.1:{free_port()}/0"
        with serving(create_app(replace(runtime, settings=settings), redis_url=away)) as port:
            scene = make_scene(runtime.work, port)
            with listening(port, scene.token) as listener:
                listener.wait_for_opening()
                started = time.monotonic()
                record(scene.work, "late but there", team_id=scene.team.id)
                assert listener.messages(1) == ["late but there"]
                assert listener.next_event() == {}
                assert 2 < time.monotonic() - started < 10
