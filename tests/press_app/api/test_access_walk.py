"""The access walk: every operation of the OpenAPI, with another team's real ids, by everybody who may not."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select

from press_app.access import service as access
from press_app.access.rules import TEAM_SCOPES
from press_app.kit.db import Base
from press_app.sites import service as sites
from press_app.teams import service as teams
from press_app.teams.model import Role
from press_app.work.unit_of_work import UnitOfWork
from tests.factories.access import bearer, make_token
from tests.factories.bodies import make_body
from tests.factories.teams import make_team, make_user
from tests.press_app.driver import Driver

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""Nothing here depends on the kind of database."""

PUBLIC = {"get_health", "get_readiness", "list_plans", "get_plan", "sign_in"}
"""Operations that ask for no credential; the list may only grow by decision."""
AGENTS = {"push_agent_events", "fetch_agent_secrets"}
"""Operations for the agents' own credentials: nobody else's count."""
OWN = {"get_me", "list_sessions", "sign_out"}
"""Operations about the caller himself; they name nothing of others."""
LISTS = {"list_sites", "list_jobs", "list_teams", "list_subscriptions"}
"""Operations that show each caller his own."""
STREAM = "stream_events"
"""Never ends by itself for whoever is let in; its own tests show what it sends to whom."""
VOLATILE = {"last_seen_at", "last_used_at"}
ANY_SCOPE = "backups:read"
"""The one scope of a token that has no other; operations that want it are asked with another one."""
OTHER_SCOPE = "billing:read"


@dataclass(frozen=True)
class Operation:
    """One operation of the document."""

    name: str
    method: str
    path: str
    body: Any


@dataclass
class Scene:
    """Team A with one of everything, and who tries to get at it."""

    client: TestClient
    driver: Driver
    ids: dict[str, str] = field(default_factory=dict)
    callers: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: int = 0

    def ask(self, operation: Operation, headers: dict[str, str]) -> Response:
        self.asked += 1
        self.client.cookies.clear()
        body = operation.body
        if isinstance(body, dict):
            body = {name: self.ids.get(name, value) for name, value in body.items()}
        url = operation.path.format(**self.ids)
        answer: Response = self.client.request(operation.method, url, headers=headers, json=body)
        return answer

    def snapshot(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all tables, but for when somebody was last seen."""
        found = {}
        with self.driver.work.read() as session:
            for table in Base.metadata.sorted_tables:
                columns = [column for column in table.columns if column.name not in VOLATILE]
                found[table.name] = sorted(tuple(map(str, row)) for row in session.execute(select(*columns)))
        return found


def cookie(uow: UnitOfWork, user_id: str) -> tuple[str, dict[str, str]]:
    """A browser's session: its id, and the headers that its pages send."""
    issued = access.open_session(uow, user_id, lifetime=timedelta(days=1), ip="127.0.0.1", user_agent="test")
    headers = {"Cookie": f"press_session={issued.secret}", "Sec-Fetch-Site": "same-origin"}
    return issued.row.id, headers


@pytest.fixture
def scene(client: TestClient, driver: Driver) -> Scene:
    site = driver.active_site()
    made = Scene(client, driver)
    with driver.work.begin(actor="owner") as uow:
        backup_id, _ = sites.request_backup(uow, sites.get_site(uow.session, site.id))
    driver.finish_all()
    with driver.work.begin(actor="test") as uow:
        owner = make_user(uow)
        teams.add_member(uow, site.team_id, owner.id, Role.OWNER)
        session_id, made.callers["owner"] = cookie(uow, owner.id)
        kept = access.create_token(uow, name="kept", scopes=["sites:read"], team_id=site.team_id)
    with driver.work.begin(actor=f"user:{owner.id}") as uow:
        link = sites.request_login_link(uow, sites.get_site(uow.session, site.id))
    made.ids = {
        "site_id": site.id,
        "team_id": site.team_id,
        "job_id": driver.list_jobs(site)[0].id,
        "backup_id": backup_id,
        "link_id": link.id,
        "user_id": owner.id,
        "token_id": kept.row.id,
        "session_id": session_id,
        "bench_id": driver.bench_id,
        "server_id": driver.server_id,
        "external_id": "acme",
        "code": "starter",
        "kind": "operator",
    }
    driver.finish_all()
    add_strangers(made)
    return made


def add_strangers(scene: Scene) -> None:
    team_id = scene.ids["team_id"]
    with scene.driver.work.begin(actor="test") as uow:
        stranger = make_user(uow)
        other = make_team(uow, owner=stranger)
        _, scene.callers["another team's owner"] = cookie(uow, stranger.id)
        scene.callers["another team's token"] = bearer(make_token(uow, TEAM_SCOPES, team_id=other.id))
        expired = access.create_token(
            uow, name="x", scopes=TEAM_SCOPES, team_id=team_id, lifetime=timedelta(seconds=1)
        )
        revoked = access.create_token(uow, name="x", scopes=TEAM_SCOPES, team_id=team_id)
        uow.session.flush()
        access.revoke_token(uow, revoked.row.id, team_id=team_id)
        scene.callers["an expired token"] = bearer(expired.secret)
        scene.callers["a revoked token"] = bearer(revoked.secret)
        for scope in (ANY_SCOPE, OTHER_SCOPE):
            scene.callers[scope] = bearer(make_token(uow, [scope], team_id=team_id))
    scene.driver.clock.advance(seconds=2)


def tell(capsys: pytest.CaptureFixture[str], line: str) -> None:
    """Say it on the terminal, whatever is captured."""
    with capsys.disabled():
        sys.stdout.write(f"\n{line}")


def operations(client: TestClient) -> Iterator[Operation]:
    document = client.get("/openapi.json").json()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield Operation(operation["operationId"], method, path, make_body(document, operation))


def test_the_owner_reads_all_that_the_walk_names(scene: Scene) -> None:
    """Else the walk would prove nothing."""
    own = {"{site_id}", "{team_id}", "{job_id}", "{link_id}", "{external_id}"}
    for operation in operations(scene.client):
        if operation.method == "get" and any(name in operation.path for name in own):
            answer = scene.ask(operation, scene.callers["owner"])
            assert answer.status_code == 200, (operation.name, answer.text)


@pytest.mark.parametrize("caller", [None, "an expired token", "a revoked token"])
def test_who_proves_nothing_is_nobody(
    scene: Scene, caller: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    headers = {} if caller is None else scene.callers[caller]
    before = scene.snapshot()
    for operation in operations(scene.client):
        if operation.name not in PUBLIC:
            answer = scene.ask(operation, headers)
            assert answer.status_code == 401, (operation.name, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
    assert scene.snapshot() == before
    tell(capsys, f"{scene.asked} operations refused {caller or 'a caller without a credential'}")


@pytest.mark.parametrize("caller", ["another team's owner", "another team's token"])
def test_another_team_gets_nothing_and_changes_nothing(
    scene: Scene, caller: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = scene.snapshot()
    secret = set(scene.ids.values()) - {"starter", "operator"}
    for operation in operations(scene.client):
        if operation.name in PUBLIC | OWN | {STREAM}:
            continue
        answer = scene.ask(operation, scene.callers[caller])
        expected = {200} if operation.name in LISTS else {401} if operation.name in AGENTS else {403, 404}
        assert answer.status_code in expected, (operation.name, answer.text)
        if answer.status_code == 200:
            assert not [value for value in secret if value in answer.text], operation.name
        assert scene.snapshot() == before, operation.name
    tell(capsys, f"{scene.asked} operations gave {caller} nothing")


def test_a_token_without_the_scope_is_refused(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    before = scene.snapshot()
    for operation in operations(scene.client):
        if operation.name in PUBLIC | AGENTS | {"get_me", STREAM}:
            continue
        scope = OTHER_SCOPE if operation.name == "list_backups" else ANY_SCOPE
        answer = scene.ask(operation, scene.callers[scope])
        assert answer.status_code == 403, (operation.name, answer.text)
        assert scene.snapshot() == before, operation.name
    tell(capsys, f"{scene.asked} operations refused a token without their scope")


def test_every_operation_is_in_the_walk(scene: Scene) -> None:
    names = [operation.name for operation in operations(scene.client)]
    assert len(names) > 50
    assert set(names) >= PUBLIC | AGENTS | OWN | LISTS | {STREAM}
    for operation in operations(scene.client):
        assert "{" not in operation.path.format(**scene.ids)
