"""The bounded part of the fault kit, as ``./scripts/chaos --quick`` runs it."""

import json
import subprocess

import pytest

from scripts.bringup.state import ROOT

SECONDS = 900


@pytest.mark.platform
@pytest.mark.timeout(SECONDS + 30)
def test_no_fault_leaves_anything_broken() -> None:
    argv = (str(ROOT / "scripts" / "chaos"), "--quick", "--json")
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.stdout, done.stderr
    *endings, summary = map(json.loads, done.stdout.splitlines())
    red = [ending for ending in endings if not ending["holds"]]
    assert not red, json.dumps(red, indent=1)
    assert done.returncode == 0, done.stderr
    assert summary["survived"] == len(endings)
    assert {ending["cell"]["operation"] for ending in endings} >= {"create", "suspend", "archive", "undo"}
