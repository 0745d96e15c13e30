"""The shape of the tree: what the gates enforce, run as tests too, and what no gate looks at."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from scripts.bringup.state import ROOT
from scripts.env_examples import EXAMPLES, FOLDER, list_stale, render_example
from scripts.linters.contracts import slice_names
from scripts.linters.run import apply_exemptions, load_exemptions, load_project, run_rules
from scripts.stack.settings import name_variable

CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
README_LINES = 40
DRAW_LIFECYCLES = ROOT / "scripts" / "draw_lifecycles.py"


def list_slices() -> list[Path]:
    return [ROOT / "press_app" / name for name in slice_names(CONFIG)]


class TestImports:
    def test_every_contract_is_kept(self) -> None:
        command = [str(Path(sys.executable).parent / "lint-imports")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)
        assert done.returncode == 0, done.stdout[-3000:]

    def test_our_own_rules_are_kept(self) -> None:
        found = apply_exemptions(run_rules(load_project(ROOT)), load_exemptions(ROOT))
        assert not found, "\n".join(map(str, found))


class TestSlices:
    @pytest.mark.parametrize("folder", list_slices(), ids=lambda folder: str(folder.name))
    def test_a_slice_tells_in_a_page_what_it_is(self, folder: Path) -> None:
        lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("# ")
        assert len(lines) <= README_LINES


class TestEnvExamples:
    def test_they_say_what_the_settings_say(self) -> None:
        assert list_stale(FOLDER) == [], "run python -m scripts.env_examples"

    @pytest.mark.parametrize("name", EXAMPLES)
    def test_every_option_stands_there_once(self, name: str) -> None:
        settings, title = EXAMPLES[name]
        text = render_example(settings, title)
        for field in settings.model_fields:
            variable = name_variable(settings, field)
            assert len(re.findall(rf"^#?{variable}=", text, re.MULTILINE)) == 1

    def test_a_changed_file_is_noticed(self, tmp_path: Path) -> None:
        for name, (settings, title) in EXAMPLES.items():
            (tmp_path / name).write_text(render_example(settings, title), encoding="utf-8")
        assert list_stale(tmp_path) == []
        (tmp_path / "agent.env.example").write_text("", encoding="utf-8")
        assert list_stale(tmp_path) == ["agent.env.example"]


class TestLifecycles:
    @pytest.mark.skipif(not DRAW_LIFECYCLES.exists(), reason="no lifecycle is drawn yet")
    def test_the_drawings_are_current(self) -> None:
        command = [sys.executable, str(DRAW_LIFECYCLES), "--check"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
