"""A team with one of everything, everybody who may ask for it, and every operation of the document."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response
from joserfc.jwk import OKPKey
from sqlalchemy import select

from press_app.access import service as access
from press_app.access.rules import SYSTEM_SCOPES, TEAM_SCOPES
from press_app.kit.db import Base
from press_app.servers import service as servers
from press_app.sites import service as sites
from press_app.teams import service as teams
from press_app.teams.model import Role
from press_app.work.unit_of_work import UnitOfWork
from tests.factories.access import bearer, make_token
from tests.factories.bodies import make_body
from tests.factories.servers import make_key
from tests.factories.teams import make_member, make_team, make_user
from tests.press_app.driver import Driver

PUBLIC = frozenset({"get_health", "get_readiness", "list_plans", "get_plan", "sign_in"})
"""Operations that ask for no credential; the list may only grow by decision."""
AGENTS = {"push_agent_events": "events.push", "fetch_agent_secrets": "secrets.fetch"}
"""Operations for the agents' own credentials, by what the credential names; nobody else's count."""
OWN = frozenset({"get_me", "list_sessions", "sign_out"})
"""Operations about the caller himself; they name nothing of others."""
STREAM = "stream_events"
"""Never ends by itself for whoever is let in; its own tests show what it sends to whom."""
VOLATILE = {"last_seen_at", "last_used_at"}

Headers = dict[str, str]


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
    agent_key: OKPKey = field(default_factory=make_key)
    ids: dict[str, str] = field(default_factory=dict)
    callers: dict[str, Headers] = field(default_factory=dict)
    asked: int = 0

    def ask(self, operation: Operation, headers: Headers) -> Response:
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


def operations(client: TestClient) -> Iterator[Operation]:
    document = client.get("/openapi.json").json()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield Operation(operation["operationId"], method, path, make_body(document, operation))


def cookie(uow: UnitOfWork, user_id: str) -> tuple[str, Headers]:
    """A browser's session: its id, and the headers that its pages send."""
    issued = access.open_session(uow, user_id, lifetime=timedelta(days=1), ip="127.0.0.1", user_agent="test")
    headers = {"Cookie": f"press_session={issued.secret}", "Sec-Fetch-Site": "same-origin"}
    return issued.row.id, headers


def make_scene(client: TestClient, driver: Driver) -> Scene:
    """Everything of team A, by the name of its parameter; the caller called ``owner`` owns it."""
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
    return made


def add_strangers(scene: Scene) -> None:
    """Another team's owner and token, and tokens of team A that hold no more."""
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
    scene.driver.clock.advance(seconds=2)


def add_members(scene: Scene) -> None:
    """One person of each role, one token of the team and one of the platform for each scope, and an operator."""
    team_id = scene.ids["team_id"]
    with scene.driver.work.begin(actor="test") as uow:
        team = teams.get_team(uow.session, team_id)
        for role in Role:
            if role is not Role.OWNER:
                _, scene.callers[role.value] = cookie(uow, make_member(uow, team, role).id)
        _, scene.callers["operator"] = cookie(uow, make_user(uow, is_operator=True).id)
        scene.callers["team token *"] = bearer(make_token(uow, TEAM_SCOPES, team_id=team_id))
        for scope in sorted(TEAM_SCOPES):
            scene.callers[f"team token {scope}"] = bearer(make_token(uow, [scope], team_id=team_id))
        for scope in sorted(SYSTEM_SCOPES):
            scene.callers[f"platform token {scope}"] = bearer(make_token(uow, [scope]))


def enrol_agent(scene: Scene) -> None:
    """From now on ``scene.agent_key`` signs for the server of the scene."""
    public = scene.agent_key.as_pem(private=False).decode()
    with scene.driver.work.begin(actor="operator") as uow:
        servers.enroll(uow, scene.driver.server_id, url="http://127.0.0.1:9000", agent_key=public)
