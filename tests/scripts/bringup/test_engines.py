"""Which ERP an installation has, and which code that is."""

import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from scripts.bringup.engines import FRAPPE, TRYTON, pin_sources
from scripts.bringup.errors import UpError
from scripts.bringup.files import write_environments
from scripts.bringup.installation import Installation
from scripts.bringup.journal import Journal
from scripts.bringup.ports import WANTED
from scripts.bringup.programs import list_programs
from scripts.bringup.state import Paths

COMMIT = "2115b6410c54bdd3689302327fb1bcefeab7000b"
PORTS = {name: 20_000 + number for number, name in enumerate(WANTED)}


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    folder = tmp_path / "upstream"
    folder.mkdir()
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    for words in (("init", "-q", "-b", "version-15"), ("commit", "-q", "--allow-empty", "-m", "one")):
        subprocess.run(["git", *who, *words], cwd=folder, check=True)
    return folder


def make_installation(state: Path) -> Installation:
    state.mkdir(exist_ok=True)
    return Installation(Paths(state), Journal(Console(stderr=True)))


class TestPinSources:
    def test_a_branch_becomes_what_it_is_now(self, upstream: Path) -> None:
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=upstream, check=True, capture_output=True, text=True
        )
        url = f"file://{upstream}"
        assert pin_sources([f"frappe={url}@version-15"]) == [f"frappe={url}@{head.stdout.strip()}"]

    def test_a_tag_becomes_the_commit_that_it_names(self, upstream: Path) -> None:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        subprocess.run(["git", *who, "tag", "-a", "v15.1", "-m", "one"], cwd=upstream, check=True)
        head, tag = (pin_sources([f"frappe=file://{upstream}@{ref}"]) for ref in ("version-15", "v15.1"))
        assert tag == head

    def test_a_commit_is_asked_nobody_about(self) -> None:
        source = f"frappe=https://nowhere.invalid/frappe@{COMMIT}"
        assert pin_sources([source]) == [source]

    @pytest.mark.parametrize("text", ["frappe", "frappe=/tmp/x@y", "frappe=https://x", "frappe=ext::sh@x"])
    def test_what_is_no_source_is_refused(self, text: str) -> None:
        with pytest.raises(UpError, match="nothing was changed"):
            pin_sources([text])

    def test_an_unknown_branch_is_said(self, upstream: Path) -> None:
        with pytest.raises(UpError, match="does not tell what version-99 is"):
            pin_sources([f"frappe=file://{upstream}@version-99"])


class TestChoose:
    def test_the_first_up_chooses_and_later_ones_keep_it(self, tmp_path: Path) -> None:
        installation = make_installation(tmp_path / "state")
        installation.choose(FRAPPE, [f"frappe=https://git.example/frappe@{COMMIT}"])
        again = make_installation(tmp_path / "state")
        again.choose(None, [])
        assert (again.engine, len(again.record.sources)) == (FRAPPE, 1)

    def test_another_engine_needs_another_folder(self, tmp_path: Path) -> None:
        installation = make_installation(tmp_path / "state")
        installation.record.done["bench"] = "now"
        installation.choose(TRYTON, [])
        with pytest.raises(UpError, match="runs tryton"):
            installation.choose(FRAPPE, [])


def test_frappe_brings_its_database_server_and_containers(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.make()
    assert "agent-mariadb" not in {program.name for program in list_programs(paths, PORTS)}
    assert "agent-mariadb" in {program.name for program in list_programs(paths, PORTS, FRAPPE)}
    write_environments(paths, PORTS, FRAPPE)
    lines = (paths.env / "agent.env").read_text().splitlines()
    assert {"PRESS_AGENT_ENGINES=frappe", "PRESS_AGENT_EXECUTOR=docker"} <= set(lines)
