"""Teams over HTTP: who sees and changes what."""

import pytest
from fastapi.testclient import TestClient

from press_app.kit.ids import new_id
from press_app.teams.model import Role, Team, User
from press_app.work.unit_of_work import Work
from tests.factories.access import bearer, make_token
from tests.factories.teams import PASSWORD, make_member, make_team, make_user

SAME = {"Sec-Fetch-Site": "same-origin"}


class Scene:
    """A team with an owner and one member of each role, and a stranger with a team of his own."""

    def __init__(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            self.owner = make_user(uow, password=PASSWORD)
            self.team: Team = make_team(uow, owner=self.owner)
            self.people: dict[str, User] = {"owner": self.owner}
            for role in (Role.ADMIN, Role.DEVELOPER, Role.BILLING, Role.VIEWER):
                self.people[role.value] = make_member(uow, self.team, role, password=PASSWORD)
            self.people["stranger"] = make_user(uow, password=PASSWORD)
            make_team(uow, owner=self.people["stranger"])
            self.people["operator"] = make_user(uow, password=PASSWORD, is_operator=True)
        self.url = f"/v1/teams/{self.team.id}"

    def sign_in(self, client: TestClient, who: str) -> None:
        client.cookies.clear()
        form = {"email": self.people[who].email, "password": PASSWORD}
        assert client.post("/v1/sessions", json=form).status_code == 201


@pytest.fixture
def scene(work: Work) -> Scene:
    return Scene(work)


READ = {"owner": 200, "admin": 200, "developer": 200, "billing": 200, "viewer": 200, "operator": 200}
MANAGE = {"owner": 200, "admin": 200, "developer": 403, "billing": 403, "viewer": 403, "operator": 200}


class TestWhoMayWhat:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [("", READ), ("/members", READ), ("/tokens", MANAGE)],
        ids=["team", "members", "tokens"],
    )
    def test_reads(self, client: TestClient, scene: Scene, path: str, expected: dict[str, int]) -> None:
        seen = {}
        for who in scene.people:
            scene.sign_in(client, who)
            seen[who] = client.get(scene.url + path).status_code
        assert seen == {**expected, "stranger": 404}

    def test_renames(self, client: TestClient, scene: Scene) -> None:
        seen = {}
        for who in scene.people:
            scene.sign_in(client, who)
            seen[who] = client.patch(scene.url, json={"name": f"By {who}"}, headers=SAME).status_code
        assert seen == {**MANAGE, "stranger": 404}

    def test_gives_strangers_the_answer_of_a_team_that_does_not_exist(
        self, client: TestClient, scene: Scene
    ) -> None:
        scene.sign_in(client, "stranger")
        answers = []
        for team_id in (scene.team.id, new_id(), "x"):
            answer = client.get(f"/v1/teams/{team_id}").json()
            answer.pop("correlation_id")
            answers.append(answer)
        assert answers[0] == answers[1] == answers[2]
        assert answers[0]["code"] == "team_unknown"

    def test_lists_only_my_teams(self, client: TestClient, scene: Scene) -> None:
        scene.sign_in(client, "viewer")
        assert [team["id"] for team in client.get("/v1/teams").json()["items"]] == [scene.team.id]
        scene.sign_in(client, "operator")
        assert len(client.get("/v1/teams").json()["items"]) == 2


class TestMembers:
    def test_are_added_by_address_whether_new_or_known(self, client: TestClient, scene: Scene) -> None:
        scene.sign_in(client, "admin")
        for email in ("New.Person@example.org", scene.people["stranger"].email):
            answer = client.post(
                f"{scene.url}/members", json={"email": email, "role": "viewer"}, headers=SAME
            )
            assert answer.status_code == 201
            assert answer.json()["email"] == email.lower()
        again = client.post(f"{scene.url}/members", json={"email": email, "role": "viewer"}, headers=SAME)
        assert (again.status_code, again.json()["code"]) == (409, "member_exists")

    @pytest.mark.parametrize("email", ["no address", "a@b", "x" * 300 + "@example.org"])
    def test_need_an_address(self, client: TestClient, scene: Scene, email: str) -> None:
        scene.sign_in(client, "owner")
        answer = client.post(f"{scene.url}/members", json={"email": email, "role": "viewer"}, headers=SAME)
        assert answer.status_code == 422

    def test_become_owners_by_owners_only(self, client: TestClient, scene: Scene) -> None:
        developer = f"{scene.url}/members/{scene.people['developer'].id}"
        owner = f"{scene.url}/members/{scene.owner.id}"
        new_owner = {"email": "boss@example.org", "role": "owner"}
        scene.sign_in(client, "admin")
        for answer in (
            client.patch(developer, json={"role": "owner"}, headers=SAME),
            client.patch(owner, json={"role": "viewer"}, headers=SAME),
            client.post(f"{scene.url}/members", json=new_owner, headers=SAME),
            client.delete(owner, headers=SAME),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "owners_only")
        scene.sign_in(client, "owner")
        assert client.patch(developer, json={"role": "owner"}, headers=SAME).json()["role"] == "owner"

    def test_can_leave_but_the_last_owner_cannot(self, client: TestClient, scene: Scene) -> None:
        scene.sign_in(client, "viewer")
        me = scene.people["viewer"].id
        assert client.delete(f"{scene.url}/members/{scene.owner.id}", headers=SAME).status_code == 403
        assert client.delete(f"{scene.url}/members/{me}", headers=SAME).status_code == 204
        assert client.get(scene.url).status_code == 404
        scene.sign_in(client, "owner")
        answer = client.delete(f"{scene.url}/members/{scene.owner.id}", headers=SAME)
        assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")


class TestTokens:
    def test_are_shown_once_and_work_until_revoked(self, client: TestClient, scene: Scene) -> None:
        scene.sign_in(client, "owner")
        form = {"name": "CI", "scopes": ["teams:read"], "days": 30}
        made = client.post(f"{scene.url}/tokens", json=form, headers=SAME).json()
        secret = made["token"]
        assert secret.startswith("press_")
        listed = client.get(f"{scene.url}/tokens")
        assert secret not in listed.text
        assert listed.json()["items"][0]["created_by"] == f"user:{scene.owner.id}"
        client.cookies.clear()
        assert client.get(scene.url, headers=bearer(secret)).status_code == 200
        scene.sign_in(client, "owner")
        assert client.delete(f"{scene.url}/tokens/{made['id']}", headers=SAME).status_code == 204
        client.cookies.clear()
        assert client.get(scene.url, headers=bearer(secret)).status_code == 401

    @pytest.mark.parametrize(
        "scope", ["operator", "subscriptions:write", "tokens:write", "members:write", "all"]
    )
    def test_of_a_team_cannot_have_the_platforms_scopes(
        self, client: TestClient, scene: Scene, scope: str
    ) -> None:
        scene.sign_in(client, "owner")
        form = {"name": "greedy", "scopes": ["sites:read", scope]}
        answer = client.post(f"{scene.url}/tokens", json=form, headers=SAME)
        assert (answer.status_code, answer.json()["code"]) == (422, "scope_unknown")

    def test_are_limited_to_their_team_and_their_scopes(
        self, client: TestClient, scene: Scene, work: Work
    ) -> None:
        with work.begin(actor="test") as uow:
            other = make_team(uow)
            secret = make_token(uow, ["teams:read"], team_id=scene.team.id)
        head = bearer(secret)
        assert client.get(f"/v1/teams/{other.id}", headers=head).status_code == 404
        answer = client.patch(scene.url, json={"name": "x"}, headers=head)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
        answer = client.post(
            f"{scene.url}/tokens", json={"name": "x", "scopes": ["teams:read"]}, headers=head
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")

    def test_of_another_team_cannot_be_revoked(self, client: TestClient, scene: Scene, work: Work) -> None:
        scene.sign_in(client, "stranger")
        mine = client.get("/v1/teams").json()["items"][0]["id"]
        form = {"name": "mine", "scopes": ["sites:read"]}
        token = client.post(f"/v1/teams/{mine}/tokens", json=form, headers=SAME).json()["id"]
        scene.sign_in(client, "owner")
        assert client.delete(f"{scene.url}/tokens/{token}", headers=SAME).json()["code"] == "token_unknown"
