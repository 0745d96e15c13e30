"""Secrets of a stack: made once, each its reader's own."""

import os
from pathlib import Path

import pytest

from scripts.stack.secrets import AGENT, BRIDGE, BRIDGE_TOKEN, MADE, PRESS, TENANTS, TENANTS_PASSWORD, Secrets
from scripts.stack.settings import Stack

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")


def make_stack(**answers: str) -> Stack:
    return Stack(_env_file=None, **{"domain": "localhost", "dns_provider": "none", **answers}).derive()  # type: ignore[arg-type]


def read_all(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in folder.iterdir()}


class TestEnsure:
    def test_each_is_readable_by_its_reader_only(self, tmp_path: Path) -> None:
        Secrets(tmp_path).ensure(make_stack(), {})
        for path in tmp_path.iterdir():
            assert path.stat().st_mode & 0o777 == 0o600, path
        for name, secret in MADE.items():
            assert (tmp_path / name).stat().st_uid == secret.owner
        assert (tmp_path / "press_database_url").stat().st_uid == PRESS
        assert (tmp_path / "press_bridge_redis_url").stat().st_uid == BRIDGE

    def test_a_second_time_keeps_them_all(self, tmp_path: Path) -> None:
        Secrets(tmp_path).ensure(make_stack(), {})
        before = read_all(tmp_path)
        again = Secrets(tmp_path)
        again.ensure(make_stack(), {})
        assert read_all(tmp_path) == before
        assert again.made == []

    def test_addresses_follow_the_passwords_and_the_network(self, tmp_path: Path) -> None:
        secrets = Secrets(tmp_path)
        secrets.ensure(make_stack(network="10.1.2"), {})
        password = secrets.get("mariadb_press_password")
        assert secrets.get("press_database_url") == f"mysql+pymysql://press:{password}@mariadb:3306/press"
        word = secrets.get("redis_password.conf").removeprefix("requirepass ")
        assert secrets.get("press_agent_redis_url") == f"redis://:{word}@10.1.2.133:6379/1"
        secrets.ensure(make_stack(network="10.1.3"), {})
        assert "@10.1.3.133:" in secrets.get("press_agent_redis_url")

    def test_the_agent_has_the_word_of_the_tenants_server_in_a_file_of_its_own(self, tmp_path: Path) -> None:
        secrets = Secrets(tmp_path)
        secrets.ensure(make_stack(), {})
        assert secrets.get("agent_mariadb_password") == secrets.get(TENANTS_PASSWORD)
        owners = [(tmp_path / name).stat().st_uid for name in (TENANTS_PASSWORD, "agent_mariadb_password")]
        assert owners == [TENANTS, AGENT]

    def test_the_sandbox_and_the_bridge_have_the_same_keys(self, tmp_path: Path) -> None:
        secrets = Secrets(tmp_path)
        secrets.ensure(make_stack(), {})
        assert secrets.get("press_bridge_webhook_hmac_key") == secrets.get("press_sandbox_hmac_key")
        assert secrets.get("lago-api-key") == secrets.get("press_sandbox_api_key")

    def test_what_only_others_can_make_is_missed_until_given(self, tmp_path: Path) -> None:
        real = make_stack(domain="example.org", dns_provider="hetzner", lago_url="https://lago.example")
        secrets = Secrets(tmp_path)
        secrets.ensure(real, {"dns_token": "t"})
        assert {path.name for path in secrets.list_missing(real)} == {
            "press_bridge_lago_api_key",
            "press_bridge_webhook_hmac_key",
        }
        secrets.ensure(real, {"press_bridge_lago_api_key": "k", "press_bridge_webhook_hmac_key": "h"})
        assert secrets.list_missing(real) == []
        assert (secrets.get("dns_token"), secrets.get("lago-api-key")) == ("t", "k")

    def test_what_a_program_made_is_kept_for_its_reader(self, tmp_path: Path) -> None:
        secrets = Secrets(tmp_path)
        secrets.ensure(make_stack(), {})
        secrets.store(BRIDGE_TOKEN, "press_1")
        assert (tmp_path / BRIDGE_TOKEN).stat().st_uid == BRIDGE
        secrets.ensure(make_stack(), {})
        assert secrets.get(BRIDGE_TOKEN) == "press_1"
