"""The same request again gets the same answer, and nothing is made twice."""

import threading
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from press_app.access.model import ApiToken
from press_app.kit.clock import FixedClock
from press_app.teams.model import Membership
from press_app.work import idempotency
from press_app.work.idempotency import AnswerRow
from press_app.work.unit_of_work import Work
from tests.factories.access import bearer, make_token
from tests.factories.teams import make_team

FORM = {"email": "new@example.org", "role": "viewer"}


@pytest.fixture
def url(work: Work) -> str:
    with work.begin(actor="test") as uow:
        return f"/v1/teams/{make_team(uow).id}/members"


@pytest.fixture
def head(work: Work) -> dict[str, str]:
    with work.begin(actor="test") as uow:
        return bearer(make_token(uow, ["operator"]))


def count(work: Work, model: Any) -> int:
    with work.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


class TestSameKey:
    def test_gets_the_stored_answer(
        self, client: TestClient, work: Work, url: str, head: dict[str, str]
    ) -> None:
        before = count(work, Membership)
        head = {**head, "Idempotency-Key": "k-1"}
        first, second = (client.post(url, json=FORM, headers=head) for _ in range(2))
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json() == second.json()
        assert "idempotency-replayed" not in first.headers
        assert second.headers["idempotency-replayed"] == "true"
        assert second.headers["x-correlation-id"] != first.headers["x-correlation-id"]
        assert count(work, Membership) == before + 1

    def test_is_refused_for_another_request(
        self, client: TestClient, work: Work, url: str, head: dict[str, str]
    ) -> None:
        head = {**head, "Idempotency-Key": "k-1"}
        client.post(url, json=FORM, headers=head)
        for path, form in ((url, {**FORM, "role": "admin"}), (f"{url}?x=1", FORM)):
            answer = client.post(path, json=form, headers=head)
            assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused")

    def test_of_another_caller_is_another_key(
        self, client: TestClient, work: Work, url: str, head: dict[str, str]
    ) -> None:
        with work.begin(actor="test") as uow:
            other = bearer(make_token(uow, ["operator"]))
        key = {"Idempotency-Key": "k-1"}
        assert client.post(url, json=FORM, headers={**head, **key}).status_code == 201
        assert client.post(url, json=FORM, headers={**other, **key}).json()["code"] == "member_exists"

    def test_keeps_nothing_of_a_failure(
        self, client: TestClient, work: Work, url: str, head: dict[str, str]
    ) -> None:
        head = {**head, "Idempotency-Key": "k-1"}
        client.post(url, json=FORM, headers={**head, "Idempotency-Key": "k-0"})
        assert client.post(url, json=FORM, headers=head).status_code == 409
        assert count(work, AnswerRow) == 1

    def test_is_forgotten_after_a_day(
        self, client: TestClient, work: Work, url: str, head: dict[str, str], clock: FixedClock
    ) -> None:
        head = {**head, "Idempotency-Key": "k-1"}
        client.post(url, json=FORM, headers=head)
        clock.advance(hours=25)
        assert client.post(url, json=FORM, headers=head).json()["code"] == "member_exists"
        with work.begin(actor="test") as uow:
            assert idempotency.forget_expired(uow) == 1

    @pytest.mark.parametrize("key", ["", "with blank", "x" * 191, "tab\there"])
    def test_must_be_a_key(self, client: TestClient, url: str, head: dict[str, str], key: str) -> None:
        answer = client.post(url, json=FORM, headers={**head, "Idempotency-Key": key})
        assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")

    def test_wins_once_when_many_come_at_once(
        self, client: TestClient, work: Work, url: str, head: dict[str, str]
    ) -> None:
        head = {**head, "Idempotency-Key": "k-1"}
        before = count(work, Membership)
        start = threading.Barrier(6)
        seen: list[tuple[int, str | None]] = []

        def post() -> None:
            start.wait()
            answer = client.post(url, json=FORM, headers=head)
            seen.append((answer.status_code, answer.headers.get("idempotency-replayed")))

        threads = [threading.Thread(target=post) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(seen, key=str) == [(201, "true")] * 5 + [(201, None)]
        assert count(work, Membership) == before + 1


class TestSecrets:
    def test_are_given_once_and_never_stored(
        self, client: TestClient, work: Work, url: str, head: dict[str, str]
    ) -> None:
        tokens = url.replace("/members", "/tokens")
        head = {**head, "Idempotency-Key": "k-1"}
        form = {"name": "CI", "scopes": ["sites:read"]}
        first, second = (client.post(tokens, json=form, headers=head).json() for _ in range(2))
        assert first["token"].startswith("press_")
        assert second == {**first, "token": None}
        assert count(work, ApiToken) == 2
        with work.read() as session:
            assert first["token"] not in str(session.scalars(select(AnswerRow.answer)).all())
