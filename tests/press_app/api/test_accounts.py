"""Signing in and out, and what a browser's cookie can do."""

import pytest
from fastapi.testclient import TestClient

from press_app.access import service as access
from press_app.kit.clock import FixedClock
from press_app.teams import service as teams
from press_app.teams.model import Role
from press_app.work.unit_of_work import Work
from tests.factories.access import bearer, make_token
from tests.factories.teams import PASSWORD, make_member, make_team, make_user

SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def ada(work: Work) -> str:
    with work.begin(actor="test") as uow:
        user = make_user(uow, email="ada@example.org", name="Ada", password=PASSWORD)
        make_team(uow, owner=user, name="Engines")
        return user.id


def sign_in(client: TestClient, password: str = PASSWORD, **headers: str) -> int:
    form = {"email": "ada@example.org", "password": password}
    return client.post("/v1/sessions", json=form, headers=headers).status_code


class TestSignIn:
    def test_sets_a_cookie_that_scripts_cannot_read(self, client: TestClient, ada: str) -> None:
        answer = client.post("/v1/sessions", json={"email": "Ada@example.org", "password": PASSWORD})
        assert answer.status_code == 201
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("press_session=press_")
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "press_" not in answer.text
        me = client.get("/v1/me").json()
        assert (me["id"], me["email"], me["is_operator"]) == (ada, "ada@example.org", False)
        assert [(team["name"], team["role"]) for team in me["teams"]] == [("Engines", "owner")]

    def test_answers_alike_for_a_wrong_password_and_an_unknown_address(
        self, client: TestClient, ada: str
    ) -> None:
        answers = [
            client.post("/v1/sessions", json={"email": email, "password": "wrong password"}).json()
            for email in ("ada@example.org", "nobody@example.org")
        ]
        for answer in answers:
            answer.pop("correlation_id")
        assert answers[0] == answers[1]
        assert answers[0]["code"] == "sign_in_refused"

    def test_stops_guessing_for_this_place_and_lets_the_right_password_in_later(
        self, client: TestClient, ada: str
    ) -> None:
        assert [sign_in(client, "wrong password") for _ in range(5)] == [401] * 5
        answer = client.post("/v1/sessions", json={"email": "ada@example.org", "password": PASSWORD})
        assert answer.status_code == 429
        assert answer.json()["code"] == "too_many_attempts"
        assert int(answer.headers["retry-after"]) > 0

    def test_does_not_count_successes(self, client: TestClient, ada: str) -> None:
        assert [sign_in(client) for _ in range(8)] == [201] * 8

    def test_is_refused_from_foreign_pages(self, client: TestClient, ada: str) -> None:
        assert sign_in(client, Origin="https://evil.example") == 403
        assert sign_in(client, Origin="http://testserver") == 201

    def test_never_repeats_a_password_in_an_error(self, client: TestClient) -> None:
        answer = client.post("/v1/sessions", json={"email": 7, "password": "plain-canary", "x": "canary-x"})
        assert answer.status_code == 422
        assert "canary" not in answer.text


class TestCookieWrites:
    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({}, 403),
            ({"Sec-Fetch-Site": "cross-site"}, 403),
            ({"Sec-Fetch-Site": "same-site"}, 403),
            ({"Origin": "null"}, 403),
            ({"Origin": "http://testserver.evil.example"}, 403),
            ({"Origin": "http://testserver"}, 204),
            (SAME, 204),
        ],
    )
    def test_must_come_from_our_own_pages(
        self, client: TestClient, ada: str, headers: dict[str, str], status: int
    ) -> None:
        sign_in(client)
        answer = client.delete("/v1/sessions/current", headers=headers)
        assert answer.status_code == status
        if status == 403:
            assert answer.json()["code"] == "cross_site_refused"
        assert client.get("/v1/me").status_code == (200 if status == 403 else 401)


class TestSessions:
    def test_lists_and_ends_the_others(self, client: TestClient, ada: str, work: Work) -> None:
        sign_in(client)
        sign_in(client)
        items = client.get("/v1/sessions").json()["items"]
        assert [item["is_current"] for item in items] == [True, False]
        other = items[1]["id"]
        assert client.delete(f"/v1/sessions/{other}", headers=SAME).status_code == 204
        assert len(client.get("/v1/sessions").json()["items"]) == 1
        assert client.delete("/v1/sessions/unknown", headers=SAME).json()["code"] == "session_unknown"

    def test_are_nobody_elses(self, client: TestClient, ada: str, work: Work) -> None:
        sign_in(client)
        mine = client.get("/v1/sessions").json()["items"][0]["id"]
        with work.begin(actor="test") as uow:
            eve = make_user(uow, email="eve@example.org", password=PASSWORD)
            make_team(uow, owner=eve)
        client.cookies.clear()
        client.post("/v1/sessions", json={"email": "eve@example.org", "password": PASSWORD})
        assert client.delete(f"/v1/sessions/{mine}", headers=SAME).status_code == 404

    def test_end_by_time(self, client: TestClient, ada: str, clock: FixedClock) -> None:
        sign_in(client)
        clock.advance(hours=167)
        assert client.get("/v1/me").status_code == 200
        clock.advance(hours=2)
        assert client.get("/v1/me").json()["code"] == "credential_invalid"

    def test_end_at_once_when_the_person_is_disabled(self, client: TestClient, ada: str, work: Work) -> None:
        sign_in(client)
        with work.begin(actor="test") as uow:
            teams.disable_user(uow, ada)
        assert client.get("/v1/me").status_code == 401

    def test_note_when_they_were_last_used(self, client: TestClient, ada: str, clock: FixedClock) -> None:
        sign_in(client)
        clock.advance(minutes=5)
        client.get("/v1/me")
        assert client.get("/v1/sessions").json()["items"][0]["last_seen_at"] == "2026-11-23T10:05:00Z"


class TestMe:
    def test_needs_a_credential(self, client: TestClient) -> None:
        answer = client.get("/v1/me")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "credential_missing"

    @pytest.mark.parametrize(
        "header", ["Bearer nonsense", "Bearer ", "Basic YTpi", "Bearer é".encode().decode("latin1")]
    )
    def test_refuses_what_is_no_credential(self, client: TestClient, header: str) -> None:
        assert client.get("/v1/me", headers={b"Authorization": header.encode("latin1")}).status_code == 401

    def test_tells_a_token_what_it_is(self, client: TestClient, work: Work) -> None:
        with work.begin(actor="test") as uow:
            team = make_team(uow)
            secret = make_token(uow, ["sites:read"], team_id=team.id)
        me = client.get("/v1/me", headers=bearer(secret)).json()
        assert (me["kind"], me["scopes"], me["is_operator"]) == ("token", ["sites:read"], False)
        assert me["teams"][0]["allows"] == ["sites:read"]

    def test_cannot_use_a_session_as_a_token_or_a_token_as_a_session(
        self, client: TestClient, ada: str, work: Work
    ) -> None:
        sign_in(client)
        cookie = client.cookies["press_session"]
        client.cookies.clear()
        assert client.get("/v1/me", headers=bearer(cookie)).status_code == 401
        with work.begin(actor="test") as uow:
            secret = make_token(uow, ["operator"])
        assert client.get("/v1/me", headers={"Cookie": f"press_session={secret}"}).status_code == 401

    def test_shows_a_role_change_at_the_next_request(self, client: TestClient, ada: str, work: Work) -> None:
        sign_in(client)
        with work.begin(actor="test") as uow:
            team = make_team(uow)
            teams.add_member(uow, team.id, ada, Role.VIEWER)
            make_member(uow, team, Role.OWNER)
        roles = {team["id"]: team["role"] for team in client.get("/v1/me").json()["teams"]}
        assert roles[team.id] == "viewer"
        with work.begin(actor="test") as uow:
            teams.remove_member(uow, team.id, ada, by_owner=True)
        assert team.id not in client.get("/v1/me").text


class TestTokens:
    def test_stop_working_when_revoked_or_expired(
        self, client: TestClient, work: Work, clock: FixedClock
    ) -> None:
        with work.begin(actor="test") as uow:
            kept = access.create_token(uow, name="a", scopes=["operator"])
            secret = make_token(uow, ["sites:read"])
        assert client.get("/v1/me", headers=bearer(secret)).status_code == 200
        with work.begin(actor="test") as uow:
            access.revoke_token(uow, kept.row.id, team_id=None)
        assert client.get("/v1/me", headers=bearer(kept.secret)).json()["code"] == "credential_invalid"
