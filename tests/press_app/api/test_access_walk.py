"""The access walk: every operation of the OpenAPI, with another team's real ids, by everybody who may not."""

import sys

import pytest
from fastapi.testclient import TestClient

from tests.factories.access import bearer, make_token
from tests.press_app.driver import Driver
from tests.press_app.scene import (
    AGENTS,
    OWN,
    PUBLIC,
    STREAM,
    Scene,
    add_strangers,
    make_scene,
    operations,
)

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""Nothing here depends on the kind of database."""

LISTS = {"list_sites", "list_jobs", "list_teams", "list_subscriptions", "get_backup_policy"}
"""Operations that show each caller his own, or what is the same for all."""
READ_BACKUPS = {"list_backups", "list_backup_keys", "get_backup_policy"}
ANY_SCOPE = "backups:read"
"""The one scope of a token that has no other; operations that want it are asked with another one."""
OTHER_SCOPE = "billing:read"


@pytest.fixture
def scene(client: TestClient, driver: Driver) -> Scene:
    made = make_scene(client, driver)
    add_strangers(made)
    with driver.work.begin(actor="test") as uow:
        for scope in (ANY_SCOPE, OTHER_SCOPE):
            made.callers[scope] = bearer(make_token(uow, [scope], team_id=made.ids["team_id"]))
    return made


def tell(capsys: pytest.CaptureFixture[str], line: str) -> None:
    """Say it on the terminal, whatever is captured."""
    with capsys.disabled():
        sys.stdout.write(f"\n{line}")


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
        if operation.name in PUBLIC | set(AGENTS) | {"get_me", STREAM}:
            continue
        scope = OTHER_SCOPE if operation.name in READ_BACKUPS else ANY_SCOPE
        answer = scene.ask(operation, scene.callers[scope])
        assert answer.status_code == 403, (operation.name, answer.text)
        assert scene.snapshot() == before, operation.name
    tell(capsys, f"{scene.asked} operations refused a token without their scope")


def test_every_operation_is_in_the_walk(scene: Scene) -> None:
    names = [operation.name for operation in operations(scene.client)]
    assert len(names) > 50
    assert set(names) >= PUBLIC | set(AGENTS) | OWN | LISTS | {STREAM}
    for operation in operations(scene.client):
        assert "{" not in operation.path.format(**scene.ids)
