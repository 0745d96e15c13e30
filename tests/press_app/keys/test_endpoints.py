"""The keys' doors over HTTP: what a key is made of never comes out."""

from fastapi.testclient import TestClient

from press_app.access.rules import TEAM_SCOPES
from tests.factories.access import bearer, make_token
from tests.press_app.driver import Driver


def test_rotate_and_list(client: TestClient, driver: Driver) -> None:
    site = driver.active_site()
    url = f"/v1/teams/{site.team_id}/backup-keys"
    with driver.work.begin(actor="test") as uow:
        headers = bearer(make_token(uow, TEAM_SCOPES, team_id=site.team_id))
        reader = bearer(make_token(uow, ["backups:read"], team_id=site.team_id))
    assert client.get(url, headers=headers).json() == {"items": [], "next_cursor": None}
    made = [client.post(url, headers=headers) for _ in range(2)]
    assert [(answer.status_code, answer.json()["version"]) for answer in made] == [(201, 1), (201, 2)]
    found = client.get(url, headers=reader).json()["items"]
    assert [key["version"] for key in found] == [2, 1]
    assert set(found[0]) == {"id", "version", "created_by", "created_at"}
    assert client.post(url, headers=reader).status_code == 403


def test_the_teams_of_others_do_not_exist(client: TestClient, driver: Driver) -> None:
    acme, other = driver.active_site(), driver.active_site("bakery")
    with driver.work.begin(actor="test") as uow:
        headers = bearer(make_token(uow, TEAM_SCOPES, team_id=acme.team_id))
    url = f"/v1/teams/{other.team_id}/backup-keys"
    assert client.get(url, headers=headers).json()["code"] == "team_unknown"
    assert client.post(url, headers=headers).json()["code"] == "team_unknown"
