"""The access table: every operation by everybody there is. What is refused changes nothing; what is allowed is let in."""

import sys
from collections import Counter

import pytest
from fastapi.testclient import TestClient

from press_app.config import Settings
from press_app.teams import service as teams
from press_app.teams.model import Role
from tests.factories.access import bearer
from tests.factories.signing import make_agent_token
from tests.factories.teams import make_member
from tests.press_app.driver import Driver
from tests.press_app.scene import (
    AGENTS,
    PUBLIC,
    STREAM,
    Headers,
    Operation,
    Scene,
    add_members,
    add_strangers,
    enrol_agent,
    make_scene,
    operations,
)

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""Nothing here depends on the kind of database."""

ANYBODY, PEOPLE, OPERATORS, AGENT, BRIDGE, BOOKS = (
    "anybody",
    "people",
    "operators",
    "agent",
    "bridge",
    "books",
)
NEEDS = {
    **dict.fromkeys(PUBLIC, ANYBODY),
    **dict.fromkeys(AGENTS, AGENT),
    **dict.fromkeys(["list_sessions", "sign_out", "end_session"], PEOPLE),
    **dict.fromkeys(["get_me"], "any credential"),
    **dict.fromkeys(["list_teams", "get_team", "list_members"], "teams:read"),
    **dict.fromkeys(["rename_team", "rotate_backup_key"], "teams:write"),
    **dict.fromkeys(["add_member", "change_member", "remove_member"], "members:write"),
    **dict.fromkeys(["list_tokens", "create_token", "revoke_token"], "tokens:write"),
    **dict.fromkeys(
        [
            "list_sites",
            "get_site",
            "read_timeline",
            "read_config",
            "read_apps",
            "read_database_stats",
            STREAM,
        ],
        "sites:read",
    ),
    **dict.fromkeys(
        ["create_site", "archive_site", "undo_archive", "retry_site", "set_password"], "sites:write"
    ),
    **dict.fromkeys(["change_apps", "rename_site", "set_config", "copy_site"], "sites:write"),
    **dict.fromkeys(["create_login_link", "read_login_link"], "sites:login"),
    **dict.fromkeys(["list_backups", "list_backup_keys", "get_backup_policy"], "backups:read"),
    **dict.fromkeys(["take_backup", "restore_site"], "backups:write"),
    **dict.fromkeys(["list_jobs", "get_job"], "jobs:read"),
    **dict.fromkeys(["list_subscriptions", "get_subscription"], BOOKS),
    **dict.fromkeys(["observe_subscription"], BRIDGE),
    **dict.fromkeys(["change_plan", "place_hold", "lift_hold", "move_site"], OPERATORS),
    **dict.fromkeys(["add_server", "list_servers", "enroll_server", "move_server", "get_server"], OPERATORS),
    **dict.fromkeys(["add_release", "list_releases"], OPERATORS),
    **dict.fromkeys(
        ["deploy_bench", "list_benches", "move_bench", "get_bench", "read_bench_log", "read_bench_stats"],
        OPERATORS,
    ),
    **dict.fromkeys(["get_termination_guard", "release_termination_guard"], OPERATORS),
    **dict.fromkeys(["list_invariants", "list_findings", "list_spares"], OPERATORS),
}
"""What each operation asks for. An operation that is not in here fails the test on the day it is written."""

VIEWER = {"teams:read", "sites:read", "jobs:read"}
DEVELOPER = VIEWER | {"sites:write", "sites:login", "backups:read", "backups:write"}
BILLING = VIEWER | {"billing:read", "billing:write", BOOKS}
ADMIN = DEVELOPER | BILLING | {"teams:write", "members:write", "tokens:write"}
ROLES = {"owner": ADMIN, "admin": ADMIN, "developer": DEVELOPER, "billing": BILLING, "viewer": VIEWER}
LISTS = {"list_sites", "list_jobs", "list_teams", "list_subscriptions", "get_backup_policy", STREAM}
"""Operations that give people only their own, so that everybody who is somebody may ask."""
HIDDEN = {"site_unknown", "team_unknown", "job_unknown", "subscription_unknown", "not_found"}
"""What a caller hears for what is not his."""
DOORS = {"sign_in_refused", "too_many_attempts"}
"""What signing in says to anybody; that it answers is all that is asked here."""
MARKS = {True: "+", False: "-"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Limits are another test's matter."""
    return settings.model_copy(update={"requests_per_minute": 10**9, "anonymous_requests_per_minute": 10**9})


@pytest.fixture
def scene(client: TestClient, driver: Driver) -> Scene:
    made = make_scene(client, driver)
    add_members(made)
    add_strangers(made)
    enrol_agent(made)
    made.callers = {"nobody": {}, **made.callers}
    made.ids["role"] = "viewer"  # owners are made by owners alone, which has a test of its own
    with driver.work.begin(actor="test") as uow:
        made.ids["user_id"] = make_member(
            uow, teams.get_team(uow.session, made.ids["team_id"]), Role.VIEWER
        ).id
    return made


def may(caller: str, operation: str) -> bool:
    """What the table says."""
    need = NEEDS[operation]
    if need == ANYBODY:
        return True
    if need == AGENT or caller in {"nobody", "an expired token", "a revoked token"}:
        return False
    if need == "any credential":
        return True
    kind, _, scope = caller.partition(" token ")
    if need == PEOPLE:
        return "token" not in caller
    if scope:
        return may_by_scope(kind, scope, need)
    if caller == "operator":
        return True
    if caller.startswith("another team's"):
        return operation in LISTS
    return need in ROLES[caller] or operation in LISTS


def may_by_scope(kind: str, scope: str, need: str) -> bool:
    if kind == "platform" and scope == "operator":
        return True
    if need == BOOKS:
        return scope in (
            {"*", "billing:read"}
            if kind == "team"
            else {"billing:read", "subscriptions:read", "subscriptions:write"}
        )
    if need == BRIDGE:
        return kind == "platform" and scope == "subscriptions:write"
    return need == scope or (scope == "*" and need not in {"members:write", "tokens:write", OPERATORS})


def is_let_in(status: int, code: str) -> bool:
    return code in DOORS or (status not in {401, 403} and code not in HIDDEN)


def ask(scene: Scene, caller: str, operation: Operation) -> bool:
    answer = scene.ask(operation, scene.callers[caller])
    assert answer.status_code < 500, (caller, operation.name, answer.text)
    problem = answer.status_code >= 400
    return is_let_in(answer.status_code, answer.json()["code"] if problem else "")


def test_everybody_gets_what_the_table_says_and_refusals_change_nothing(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, marks, wrong = [], Counter[str](), []
    for operation in operations(scene.client):
        allowed = {caller: may(caller, operation.name) for caller in scene.callers}
        refused = [caller for caller in allowed if not allowed[caller]]
        before = scene.snapshot()
        seen = {caller: ask(scene, caller, operation) for caller in refused}
        assert scene.snapshot() == before, operation.name
        if operation.name not in {STREAM, "sign_out", "end_session"}:
            seen |= {caller: ask(scene, caller, operation) for caller in allowed if allowed[caller]}
        wrong += [(operation.name, caller) for caller in seen if seen[caller] != allowed[caller]]
        row = "".join(MARKS[seen[caller]] if caller in seen else " " for caller in allowed)
        marks.update(row)
        lines.append(f"{row}  {operation.name}")
    with capsys.disabled():
        tell(scene, lines, marks)
    assert wrong == []
    assert marks["+"] > 300
    assert marks["-"] > 1000


def tell(scene: Scene, lines: list[str], marks: Counter[str]) -> None:
    names = list(scene.callers)
    heads = ["|" * index + f"+ {name}" for index, name in enumerate(names)]
    summary = f"{len(lines)} operations × {len(names)} callers: {marks['+']} let in, {marks['-']} refused"
    sys.stdout.write("\n".join(["", *heads, *lines, summary]))


def test_the_table_names_every_operation_and_no_other(scene: Scene) -> None:
    assert {operation.name for operation in operations(scene.client)} == set(NEEDS)


def test_agents_are_let_in_only_where_they_belong(scene: Scene) -> None:
    """Each operation with a good signature of the agent, for this very operation."""
    before = scene.snapshot()
    for operation in operations(scene.client):
        if operation.name not in PUBLIC | set(AGENTS):
            answer = scene.ask(operation, agent_headers(scene, operation.name))
            assert answer.status_code == 401, (operation.name, answer.text)
    assert scene.snapshot() == before


def agent_headers(scene: Scene, operation: str) -> Headers:
    now = scene.driver.clock.now()
    return bearer(
        make_agent_token(scene.agent_key, scene.driver.server_id, operation=operation, body=b"", now=now)
    )
