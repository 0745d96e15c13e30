"""What the programs are given: environments, configuration, supervisor's files."""

import subprocess
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from agent.config import Settings as AgentSettings
from billing_bridge.config import Settings as BridgeSettings
from billing_bridge.sandbox.config import Settings as SandboxSettings
from press_app.config import Settings as PressSettings
from scripts.bringup.files import (
    BRIDGE_TOKEN,
    load_secrets,
    write_environments,
    write_programs,
    write_redis,
)
from scripts.bringup.keys import store_secret
from scripts.bringup.ports import WANTED
from scripts.bringup.programs import WITH_ENV, format_env, list_programs, make_environments
from scripts.bringup.state import Paths

SETTINGS: dict[str, type[BaseSettings]] = {
    "press.env": PressSettings,
    "agent.env": AgentSettings,
    "bridge.env": BridgeSettings,
    "lago-sandbox.env": SandboxSettings,
}


class TestEnvironments:
    @pytest.mark.parametrize("name", SETTINGS)
    def test_every_variable_is_an_option_of_the_program(self, paths: Paths, name: str) -> None:
        settings = SETTINGS[name]
        prefix = settings.model_config.get("env_prefix", "")
        known = {f"{prefix}{field}".upper() for field in settings.model_fields}
        assert make_environments(paths, WANTED, load_secrets(paths))[name].keys() <= known

    def test_a_second_time_changes_nothing(self, paths: Paths) -> None:
        assert write_environments(paths, WANTED) == set(SETTINGS)
        assert write_environments(paths, WANTED) == set()

    def test_a_new_token_changes_the_bridge_only(self, paths: Paths) -> None:
        write_environments(paths, WANTED)
        store_secret(paths.secrets, BRIDGE_TOKEN, "press_1")
        assert write_environments(paths, WANTED) == {"bridge.env"}

    def test_what_the_owner_set_replaces_and_adds_and_is_kept(self, paths: Paths) -> None:
        write_environments(paths, WANTED)
        paths.settings.mkdir()
        (paths.settings / "press.env").write_text("# mine\n\nPRESS_PORT=9\nPRESS_NEW=a=b\n", "utf-8")
        assert write_environments(paths, WANTED) == {"press.env"}
        lines = (paths.env / "press.env").read_text("utf-8").splitlines()
        assert [line for line in lines if line.startswith(("PRESS_PORT=", "PRESS_NEW="))] == [
            "PRESS_PORT=9",
            "PRESS_NEW=a=b",
        ]
        assert "# mine" not in lines
        assert write_environments(paths, WANTED) == set()

    def test_the_files_are_private(self, paths: Paths) -> None:
        write_environments(paths, WANTED)
        assert {file.stat().st_mode & 0o777 for file in paths.env.iterdir()} == {0o600}

    def test_secrets_do_not_print(self, paths: Paths) -> None:
        assert load_secrets(paths).master_key not in repr(load_secrets(paths))


class TestWithEnv:
    @pytest.mark.parametrize(
        "value", ["plain", "a b  c", "$HOME `id` $(id)", "x=y=z", "'\"\\", "# no comment", "é"]
    )
    def test_values_are_taken_literally(self, tmp_path: Path, value: str) -> None:
        file = tmp_path / "a.env"
        file.write_text("# a comment\n\n" + format_env({"PRESS_VALUE": value}), encoding="utf-8")
        command = [str(WITH_ENV), str(file), "printenv", "PRESS_VALUE"]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"{value}\n"

    def test_the_commands_exit_status_is_kept(self, tmp_path: Path) -> None:
        (tmp_path / "a.env").touch()
        done = subprocess.run([str(WITH_ENV), str(tmp_path / "a.env"), "sh", "-c", "exit 7"], check=False)
        assert done.returncode == 7


class TestPrograms:
    def test_no_secret_stands_in_a_command_line(self, paths: Paths) -> None:
        keys = load_secrets(paths)
        commands = " ".join(" ".join(program.argv) for program in list_programs(paths, WANTED))
        assert not [secret for secret in vars(keys).values() if secret and secret in commands]

    def test_files_of_programs_that_are_no_more_go(self, paths: Paths) -> None:
        stale = paths.supervisor / "conf.d" / "stale.conf"
        stale.parent.mkdir()
        stale.touch()
        programs = write_programs(paths, WANTED)
        assert {file.stem for file in stale.parent.iterdir()} == {program.name for program in programs}

    def test_redis_keeps_its_data_and_asks_for_a_password(self, paths: Paths) -> None:
        assert write_redis(paths, WANTED) is True
        text = (paths.state / "redis" / "redis.conf").read_text(encoding="utf-8")
        assert f"requirepass {load_secrets(paths).redis_password}\n" in text
        assert "bind 127.0.0.1\n" in text
        assert "appendonly yes\n" in text
