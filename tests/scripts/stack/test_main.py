"""``init.sh`` as its user sees it, where nothing can be started."""

from pathlib import Path

import pytest

from scripts.stack.__main__ import main
from scripts.stack.compose import environment_for, find_compose
from scripts.stack.settings import Stack

ANSWERS = (
    "--domain",
    "localhost",
    "--email",
    "a@b.example",
    "--dns-provider",
    "none",
    "--object-store",
    "folder:/srv/b",
)


def run(folder: Path, *arguments: str) -> int:
    return main(["--env-file", str(folder / ".env"), "--set", f"dir={folder}/data", *arguments])


class TestMain:
    def test_without_an_engine_nothing_is_changed(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(tmp_path, *ANSWERS, "--set", f"docker_socket={tmp_path}/none") == 1
        assert "The Docker engine at" in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []

    def test_a_question_that_nobody_answers_is_said_with_its_flag(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(tmp_path, *ANSWERS[:2]) == 1
        said = capsys.readouterr().err
        assert "--email" in said
        assert "Nothing was changed." in said
        assert list(tmp_path.iterdir()) == []


class TestCompose:
    def test_one_that_knows_our_files_is_there(self) -> None:
        assert find_compose() is not None

    def test_what_is_left_over_in_a_shell_decides_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("STACK_DOMAIN", "COMPOSE_FILE", "PRESS_MASTER_KEY", "DOCKER_HOST"):
            monkeypatch.setenv(name, "left over")
        stack = Stack(_env_file=None, docker_socket="/run/d.sock", compose_file="a.yml")
        seen = environment_for(stack)
        assert "left over" not in seen.values()
        assert seen["DOCKER_HOST"] == "unix:///run/d.sock"
