"""Guessing passwords: slowed by account and by place, the same for accounts that do not exist, and the owner gets in."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from press_app.api.app import create_app
from press_app.bootstrap import Runtime
from press_app.work.unit_of_work import Work
from tests.factories.teams import PASSWORD, make_user

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""Nothing here depends on the kind of database."""

HOME, ELSEWHERE = "10.9.9.9", "10.8.8.8"
GUESSES = 55
"""More than an account takes in an hour, by five from each of many places."""


@pytest.fixture
def app(runtime: Runtime, work: Work) -> FastAPI:
    with work.begin(actor="test") as uow:
        make_user(uow, email="ada@example.org", password=PASSWORD)
    return create_app(runtime)


def sign_in(app: FastAPI, place: str, email: str = "ada@example.org", password: str = PASSWORD) -> Response:
    with_place = TestClient(app, client=(place, 50_000))
    answer: Response = with_place.post("/v1/sessions", json={"email": email, "password": password})
    return answer


def guess(app: FastAPI, email: str) -> list[tuple[int, str]]:
    """Wrong passwords from many places; what each heard, and the code."""
    heard = []
    for number in range(GUESSES):
        answer = sign_in(app, f"10.0.0.{number // 5}", email, f"guess number {number}")
        heard.append((answer.status_code, answer.json()["code"]))
    return heard


def test_a_siege_never_shuts_the_owner_out(app: FastAPI) -> None:
    assert sign_in(app, HOME).status_code == 201
    heard = guess(app, "ada@example.org")
    assert heard[:50] == [(401, "sign_in_refused")] * 50
    assert set(heard[50:]) == {(429, "too_many_attempts")}
    stranger = sign_in(app, ELSEWHERE)
    assert stranger.status_code == 429
    assert 0 < int(stranger.headers["retry-after"]) <= 3600
    assert sign_in(app, HOME).status_code == 201


def test_a_known_place_may_not_guess_for_ever_either(app: FastAPI) -> None:
    assert sign_in(app, HOME).status_code == 201
    heard = [sign_in(app, HOME, password="wrong password").status_code for _ in range(7)]
    assert heard == [401] * 5 + [429] * 2


def test_nobody_learns_which_accounts_exist(app: FastAPI) -> None:
    """Neither by the answers nor by when they stop; how long each takes is the same work by construction."""
    real = guess(app, "ada@example.org")
    made_up = guess(app, "nobody@example.org")
    assert made_up == real


def test_spellings_of_an_address_are_one_account(app: FastAPI) -> None:
    for email in (
        "ada@example.org",
        "ADA@example.org",
        " ada@example.org",
        "Ada@Example.ORG ",
        "aDa@example.org",
    ):
        assert sign_in(app, ELSEWHERE, email, "wrong password").status_code == 401
    assert sign_in(app, ELSEWHERE).status_code == 429
