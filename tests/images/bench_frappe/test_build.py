"""What an image of Frappe is built from: what the apps ask for, without a git address in it."""

import json
import subprocess
import sys
from pathlib import Path

from tests.agent.support import ROOT

BUILD = ROOT / "images" / "bench-frappe" / "build"
LOCK = """# yarn lockfile v1


"air-datepicker@github:frappe/air-datepicker":
  version "2.2.3"
  resolved "https://example.invalid/air-datepicker"
  dependencies:
    jquery ">=2.0.0 <4.0.0"

jquery@3.7.0:
  version "3.7.0"
"""


def run(script: str, *arguments: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BUILD / script), *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)


def make_app(folder: Path, name: str, pyproject: str) -> Path:
    app = folder / name
    app.mkdir(parents=True)
    (app / "pyproject.toml").write_text(pyproject)
    return app


def test_what_comes_from_git_is_taken_from_the_registry(tmp_path: Path) -> None:
    make_app(tmp_path, "frappe", '[project]\ndependencies = ["gunicorn @ git+https://x/y@z", "Click~=8.1"]\n')
    old = tmp_path / "old"
    old.mkdir()
    (old / "requirements.txt").write_text("# comment\nrapidfuzz>=2\n\n")
    done = run("requirements.py", tmp_path)
    assert done.stdout.splitlines() == ["gunicorn==23.0.0", "Click~=8.1", "rapidfuzz>=2"]


def test_an_unknown_git_address_stops_the_build(tmp_path: Path) -> None:
    make_app(tmp_path, "frappe", '[project]\ndependencies = ["strange @ git+https://x/y"]\n')
    done = run("requirements.py", tmp_path)
    assert done.returncode == 1
    assert "Nothing was installed" in done.stderr


def test_packages_lose_their_git_address_and_its_lock(tmp_path: Path) -> None:
    app = make_app(tmp_path / "manifests", "frappe", "")
    wanted = {"dependencies": {"air-datepicker": "github:frappe/air-datepicker", "jquery": "^3"}}
    (app / "package.json").write_text(json.dumps(wanted))
    (app / "yarn.lock").write_text(LOCK)
    make_app(tmp_path / "manifests", "plain", "")
    assert run("packages.py", tmp_path / "manifests", tmp_path / "modules").returncode == 0
    made = tmp_path / "modules" / "frappe"
    assert json.loads((made / "package.json").read_text())["dependencies"]["air-datepicker"] == "2.2.3"
    assert "github" not in (made / "yarn.lock").read_text()
    assert "jquery@3.7.0" in (made / "yarn.lock").read_text()
    assert not (tmp_path / "modules" / "plain").exists()
