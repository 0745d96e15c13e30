"""A small app for Frappe as a git repository of its own: each commit is a release that a site can be brought to.

| commit | is |
|---|---|
| ``first`` | one table, *Site Note* |
| ``second`` | the table has one more column, which a patch fills for the notes that stand |
| ``broken`` | a patch changes what stands and then fails |
"""

import json
import os
import subprocess
from functools import cache
from typing import Any

from agent.engines.port import Source
from tests.agent.support import ROOT

APP = "notes"
PLACE = ROOT / "var" / "test-cache" / "frappe-app-notes"
"""The same place and the same commits each time, so that images are built once."""
WHEN = "2026-01-01T00:00:00+0000"
NOBODY = {"name": "Nobody", "email": "nobody@example.com"}
RELEASES = ("first", "second", "broken")


def notes_app(release: str) -> Source:
    """The app at one of its releases."""
    return Source(app=APP, url=f"file://{PLACE}", commit=_commits()[release])


@cache
def _commits() -> dict[str, str]:
    PLACE.mkdir(parents=True, exist_ok=True)
    _git("init", "--quiet", "--initial-branch", "main")
    return {release: _commit(release) for release in RELEASES}


def _commit(release: str) -> str:
    for name, text in _files(release).items():
        path = PLACE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    _git("add", "--all")
    tree = _git("write-tree")
    # A commit of its own, without parents: the same text has the same name in every run.
    commit = _git("commit-tree", tree, "-m", release)
    _git("update-ref", f"refs/heads/{release}", commit)
    return commit


def _git(*argv: str) -> str:
    who = {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (*((name.upper(), word) for name, word in NOBODY.items()), ("DATE", WHEN))
    }
    done = subprocess.run(
        ["git", "-C", str(PLACE), *argv],
        env={"PATH": os.environ["PATH"], "HOME": str(PLACE), **who},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


def _files(release: str) -> dict[str, str]:
    fields: list[dict[str, Any]] = [{"fieldname": "text", "fieldtype": "Data", "label": "Text", "reqd": 1}]
    patches: list[str] = []
    if release != "first":
        fields.append({"fieldname": "mood", "fieldtype": "Data", "label": "Mood"})
        patches.append(f"{APP}.patches.fill_mood")
    if release == "broken":
        patches.append(f"{APP}.patches.fail")
    table = f"{APP}/{APP}/doctype/site_note"
    return {
        "pyproject.toml": '[project]\nname = "notes"\nversion = "1.0.0"\ndependencies = []\n',
        f"{APP}/__init__.py": f'__version__ = "1.{RELEASES.index(release)}.0"\n',
        f"{APP}/hooks.py": f'app_name = "{APP}"\napp_title = "Notes"\napp_publisher = "Nobody"\napp_description = "Notes"\napp_email = "nobody@example.com"\napp_license = "mit"\n',
        f"{APP}/jobs.py": JOBS,
        f"{APP}/modules.txt": "Notes\n",
        f"{APP}/patches.txt": "[pre_model_sync]\n\n[post_model_sync]\n"
        + "".join(f"{name}\n" for name in patches),
        f"{APP}/patches/__init__.py": "",
        f"{APP}/patches/fill_mood.py": FILL,
        f"{APP}/patches/fail.py": FAIL,
        f"{APP}/{APP}/__init__.py": "",
        f"{APP}/{APP}/doctype/__init__.py": "",
        f"{table}/__init__.py": "",
        f"{table}/site_note.py": "from frappe.model.document import Document\n\n\nclass SiteNote(Document):\n    pass\n",
        f"{table}/site_note.json": json.dumps(_describe(fields), indent=1),
    }


JOBS = """import time

import frappe


@frappe.whitelist(methods=["POST"])
def start(seconds):
    frappe.enqueue("notes.jobs.write", seconds=float(seconds), enqueue_after_commit=False)


def write(seconds):
    time.sleep(seconds)
    frappe.get_doc({"doctype": "Site Note", "text": "written by a job"}).insert(ignore_permissions=True)
    frappe.db.commit()
"""
FILL = """import frappe


def execute():
    frappe.db.sql("UPDATE `tabSite Note` SET mood = 'calm' WHERE mood IS NULL")
"""
FAIL = """import frappe


def execute():
    frappe.db.sql("UPDATE tabContact SET first_name = 'changed by a patch that fails'")
    frappe.db.commit()
    raise ValueError("this patch always fails")
"""


def _describe(fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "doctype": "DocType",
        "name": "Site Note",
        "module": "Notes",
        "custom": 0,
        "engine": "InnoDB",
        "autoname": "hash",
        "field_order": [field["fieldname"] for field in fields],
        "fields": fields,
        "creation": "2026-01-01 00:00:00",
        # A table is brought to its description when this moment is another one.
        "modified": f"2026-01-0{len(fields)} 00:00:00",
        "modified_by": "Administrator",
        "owner": "Administrator",
        "permissions": [{"role": "System Manager", "read": 1, "write": 1, "create": 1, "delete": 1}],
        "sort_field": "modified",
        "sort_order": "DESC",
    }
