"""Databases with the same modules share a pool: proof for the pinned releases that nothing in it is of one database."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.engines.door.control import BenchControl
from agent.engines.tryton.host_releases import HostReleases
from agent.host import files, shell
from tests.agent.engines.tryton.deployed import Deployed
from tests.agent.support import ROOT

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(600)]
GUARD = str(ROOT / "tests/images/bench_tryton/pool_guard.py")


def guard(bench: Deployed, *arguments: str) -> list[str]:
    environment = HostReleases(bench.settings).get(bench.bench.version).environment
    said = shell.run((str(bench.python), GUARD, *arguments), env=environment, timeout_seconds=120)
    found: list[str] = json.loads(said)
    return found


class TestPinnedModules:
    def test_read_no_database_while_their_classes_are_made(self, bench: Deployed) -> None:
        assert guard(bench, "source") == []

    def test_make_equal_classes_from_different_data(self, bench: Deployed, tmp_path: Path) -> None:
        templates = HostReleases(bench.settings).get(bench.bench.version).templates
        for name in ("first", "second"):
            files.copy_durably(templates / "base-crm-hr.sqlite", tmp_path / f"{name}.sqlite")
        files.copy_durably(templates / "base.sqlite", tmp_path / "fewer.sqlite")
        with closing(sqlite3.connect(tmp_path / "second.sqlite")) as connection, connection:
            connection.execute(
                "UPDATE company_company SET currency = (SELECT max(id) FROM currency_currency)"
            )
            connection.execute("UPDATE currency_currency SET digits = 5")
            connection.execute("UPDATE ir_lang SET translatable = 1 WHERE code IN ('fr', 'de')")
            connection.execute("UPDATE ir_configuration SET language = 'fr'")
            connection.execute("DELETE FROM ir_rule")
            connection.execute("DELETE FROM ir_model_access")
            connection.execute("INSERT INTO party_party (name, active, code) VALUES ('Another', 1, '4711')")
        assert guard(bench, "compare", str(tmp_path), "first", "second") == []
        assert guard(bench, "compare", str(tmp_path), "first", "fewer") != []


class TestSharing:
    def test_loads_no_pool_for_a_new_site(self, bench: Deployed) -> None:
        before = self._ask_health(bench)
        bench.create()
        bench.create(apps=("base", "crm", "hr"))
        after = self._ask_health(bench)
        assert after["loads"] == before["loads"] == len(bench.bench.app_sets)
        assert after["pools"] == before["pools"]

    def test_ends_for_a_tenant_who_changes_the_modules(self, bench: Deployed) -> None:
        changed, neighbour = bench.create(), bench.create()
        with bench.logged_in(changed) as client:
            (module,) = client.do("model.ir.module.search", [["name", "=", "marketing"]], 0, None, None)
            client.do("model.ir.module.activate", [module])
            session, start, end = client.do("wizard.ir.module.activate_upgrade.create")
            assert (start, end) == ("start", "end")
            client.do("wizard.ir.module.activate_upgrade.execute", session, {}, "upgrade")
            assert (
                client.do(
                    "model.ir.module.search_count", [["state", "=", "activated"], ["name", "=", "marketing"]]
                )
                == 1
            )
            assert client.do("model.party.party.search_count", []) == 1
        with bench.logged_in(neighbour) as client:
            assert (
                client.do(
                    "model.ir.module.search_count", [["state", "=", "activated"], ["name", "=", "marketing"]]
                )
                == 0
            )
            client.do("model.party.party.create", [{"name": "Still well"}])

    def _ask_health(self, bench: Deployed) -> dict[str, Any]:
        health = BenchControl(bench.folder.control).find_health()
        assert health is not None
        return health
