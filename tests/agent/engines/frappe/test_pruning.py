"""Templates of releases that nobody runs any more go, with their databases; those of benches and the newest stay."""

import json
import os
from pathlib import Path

import pytest

from agent.engines.frappe.databases import Databases
from agent.engines.frappe.releases import Release
from agent.engines.frappe.templates import KEPT_CODES, MOST_HOMES, Templates
from agent.executors.fake import FakeExecutor
from agent.host.mariadb import fetch_all

pytestmark = pytest.mark.mariadb


def make(databases: Databases, folder: Path, code: str, age: int) -> str:
    """A folder of notes with one template of this code; the name of its database."""
    path = folder / f"templates-frappe-{code}-{'f' * 12}"
    path.mkdir(parents=True)
    record = databases.make(f"tprune_{code}")
    (path / "frappe.json").write_text(json.dumps({"database": record.database}))
    os.utime(path, (age, age))
    return record.database


def test_only_what_nobody_runs_and_is_old_goes(databases: Databases, tmp_path: Path) -> None:
    codes = [f"{number}" * 12 for number in range(KEPT_CODES + 3)]
    made = {code: make(databases, tmp_path, code, age=1000 + number) for number, code in enumerate(codes)}
    (tmp_path / "images").mkdir()
    oldest, second, third, *newest = codes
    templates = Templates(databases, FakeExecutor())
    assert sorted(templates.prune(tmp_path, {second})) == [oldest, third]
    with databases.server.connected() as cursor:
        left = {str(name) for (name,) in fetch_all(cursor, "SHOW DATABASES")}
    assert {made[code] for code in (second, *newest)} <= left
    assert not {made[oldest], made[third]} & left
    assert len(list(tmp_path.iterdir())) == 1 + 1 + len(newest)
    assert templates.prune(tmp_path, {second}) == []
    databases.drop_all("tprune")


def test_homes_that_nobody_asked_for_lately_make_room(databases: Databases, tmp_path: Path) -> None:
    release = Release(image="", code="c", sources=(), templates=tmp_path)
    made: list[str] = []
    for number in range(MOST_HOMES + 2):
        record = databases.make(f"thome_{number:08x}")
        note = tmp_path / f"frappe-{number:012x}.json"
        note.write_text(json.dumps({"database": record.database}))
        os.utime(note, (1000 + number, 1000 + number))
        made.append(record.database)
    (tmp_path / "frappe.json").write_text(json.dumps({"database": "thome_standard"}))
    os.utime(tmp_path / "frappe.json", (1, 1))
    Templates(databases, FakeExecutor())._forget_homes(release)
    with databases.server.connected() as cursor:
        left = {str(name) for (name,) in fetch_all(cursor, "SHOW DATABASES")}
    assert not set(made[:2]) & left
    assert set(made[2:]) <= left
    assert (tmp_path / "frappe.json").exists()
    databases.drop_all("thome")
