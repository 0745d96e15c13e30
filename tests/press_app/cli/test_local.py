"""Commands that need no API: the schema, the plans, the first credentials, dead work."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from press_app.kit.db import open_database
from press_app.work.model import TaskRow, TaskStatus
from tests.press_app.cli.conftest import Said

Local = Callable[..., Said]
OPERATOR = "olga@example.com"
PASSWORD = "correct horse battery staple"


def prepared(local: Local) -> Local:
    assert local("db", "upgrade").status == 0
    return local


class TestDb:
    def test_upgrade_says_what_it_changed_and_changes_nothing_twice(self, local: Local) -> None:
        first, second = local("db", "upgrade", "--json"), local("db", "upgrade", "--json")
        assert (first.json["before"], first.json["changed"]) == (None, True)
        assert second.json == {"before": first.json["after"], "after": first.json["after"], "changed": False}

    def test_status_fails_until_it_is_upgraded(self, local: Local, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        assert local("db", "status", "--json").problem["code"] == "schema_outdated"
        prepared(local)
        assert local("db", "status", "--json").json == {"current": True}

    def test_a_missing_master_key_is_named(self, process: Local) -> None:
        said = process("db", "upgrade", PRESS_MASTER_KEY=None)
        assert said.status == 2
        assert "PRESS_MASTER_KEY must be set" in said.err

    def test_a_wrong_setting_is_named(self, process: Local) -> None:
        assert "PRESS_PORT" in process("db", "upgrade", PRESS_PORT="eighty").err


def test_seed_adds_the_plans_once(local: Local) -> None:
    prepared(local)
    assert local("seed", "--json").json == {"added": ["starter", "business", "enterprise"]}
    assert local("seed", "--json").json == {"added": []}


class TestOperator:
    def test_ensure_makes_one_and_changes_nothing_twice(self, local: Local, process: Local) -> None:
        prepared(local)
        first = process("operator", "ensure", OPERATOR, "--password-stdin", "--json", stdin=PASSWORD)
        second = process("operator", "ensure", OPERATOR, "--password-stdin", "--json", stdin=PASSWORD)
        assert first.json["is_operator"]
        assert second.json == first.json

    def test_create_refuses_an_address_that_has_an_account(self, local: Local) -> None:
        prepared(local)
        assert local("operator", "create", OPERATOR, "--json").status == 0
        assert local("operator", "create", OPERATOR, "--json").problem["code"] == "email_taken"

    def test_a_weak_password_is_refused(self, local: Local, process: Local) -> None:
        prepared(local)
        said = process("operator", "create", OPERATOR, "--password-stdin", "--json", stdin="short")
        assert (said.status, said.problem["code"]) == (1, "password_weak")


class TestToken:
    def test_the_bridge_gets_its_scope_and_the_token_once(self, local: Local) -> None:
        prepared(local)
        said = local("token", "create", "--system", "billing-bridge", "--json").json
        assert said["scopes"] == ["subscriptions:write"]
        assert said["token"].startswith("press_")

    def test_people_get_the_bare_token(self, local: Local) -> None:
        prepared(local)
        assert local("token", "create", "--system", "billing-bridge").out.startswith("press_")

    def test_replace_revokes_the_older_one_of_that_name_only(self, local: Local) -> None:
        prepared(local)
        local("token", "create", "--system", "billing-bridge", "--json")
        local("token", "create", "--system", "other", "--scope", "subscriptions:read", "--json")
        assert (
            local("token", "create", "--system", "billing-bridge", "--replace", "--json").json["revoked"] == 1
        )

    def test_one_in_the_name_of_nobody_is_refused(self, local: Local) -> None:
        prepared(local)
        said = local("token", "create", "--operator", "ghost@example.com", "--json")
        assert said.problem["code"] == "operator_unknown"

    def test_for_nobody_or_for_two_is_wrong_usage(self, local: Local) -> None:
        assert local("token", "create").status == 2
        assert local("token", "create", "--system", "a", "--team", "b").status == 2

    def test_an_unknown_scope_is_refused(self, local: Local) -> None:
        prepared(local)
        said = local("token", "create", "--system", "x", "--scope", "everything", "--json")
        assert said.problem["code"] == "scope_unknown"


def test_the_public_key_stays_the_same(local: Local) -> None:
    prepared(local)
    first = local("key", "show")
    assert first.out.startswith("-----BEGIN PUBLIC KEY-----")
    assert local("key", "show").out == first.out


class TestTask:
    def test_a_dead_task_is_listed_and_rung_again(self, local: Local, tmp_path: Path) -> None:
        prepared(local)
        add_dead_task(tmp_path)
        (listed,) = local("task", "list", "--json").json["items"]
        assert (listed["id"], listed["error"]) == ("t1", "It broke.")
        assert local("task", "ring", "t1", "--json").json["status"] == "waiting"
        assert local("task", "list", "--json").json["items"] == []

    def test_one_that_is_not_there_is_said(self, local: Local) -> None:
        prepared(local)
        assert local("task", "ring", "t2", "--json").problem["code"] == "task_not_ringable"


def add_dead_task(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/data/press.db")
    now = datetime(2026, 11, 23, tzinfo=UTC)
    with database.begin() as session:
        session.add(
            TaskRow(
                id="t1",
                name="site.converge",
                args={"site_id": "s1"},
                queue="urgent",
                status=TaskStatus.DEAD,
                attempts=12,
                run_at=now,
                planned_at=now,
                error="It broke.",
                correlation_id="c1",
                created_at=now,
                ended_at=now,
            )
        )
        session.commit()
    database.dispose()
