"""What survives a restart, and the program as it is really started."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import requests

from tests.billing_bridge.sandbox.conftest import MakeSettings
from tests.billing_bridge.sandbox.driver import Driver, Running, RunningTime
from tests.billing_bridge.sandbox.receiver import Receiver, wait_until

ROOT = Path(__file__).parents[3]


class TestRestart:
    def test_state_clock_and_unsent_webhooks_survive(
        self, make_settings: MakeSettings, receiver: Receiver
    ) -> None:
        settings, machine_time = make_settings(webhook_wait_scale=1.0), RunningTime()
        with Running(settings, machine_time) as running:
            lago = Driver(running)
            lago.post("/webhook_endpoints", {"webhook_endpoint": {"webhook_url": receiver.url}})
            lago.advance(days=40)
            key = lago.get("/webhooks/json_public_key")
            receiver.answers = [500]
            made = lago.customer()
            receiver.wait_for("customer.created")
            wait_until(lambda: lago.deliveries()[0]["status"] == "retrying", "the first attempt was noted")
        with Running(settings, machine_time) as running:
            lago = Driver(running)
            assert lago.get("/customers/acme")["customer"]["lago_id"] == made["lago_id"]
            assert lago.get("/sandbox/clock")["now"].startswith("2026-04-19")
            assert lago.get("/webhooks/json_public_key") == key
            first, second = receiver.wait_for("customer.created", 2)
            assert (first.key, first.raw) == (second.key, second.raw)
            assert second.at - first.at >= 3

    def test_reset_forgets_all_but_the_key(self, lago: Driver) -> None:
        key = lago.get("/webhooks/json_public_key")
        lago.customer()
        lago.advance(days=3)
        lago.post("/sandbox/reset")
        lago.get("/customers/acme", expect=404)
        assert lago.get("/webhook_endpoints")["webhook_endpoints"] == []
        assert lago.get("/sandbox/clock")["now"].startswith("2026-03-10")
        assert lago.get("/webhooks/json_public_key") == key


class TestProgram:
    def test_it_runs_from_the_command_line_and_logs_json(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        environment = os.environ | {
            "PRESS_SANDBOX_PORT": str(port),
            "PRESS_SANDBOX_DATABASE": str(tmp_path / "new" / "lago.sqlite3"),
            "PRESS_SANDBOX_RSA_PRIVATE_KEY": str(tmp_path / "new" / "key.pem"),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "billing_bridge.sandbox"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            answer = wait_until(lambda: _ask(f"http://127.0.0.1:{port}/health"), "it listens", 30)
            assert "not Lago" in answer["message"]
        finally:
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=20)
        first = json.loads(output.splitlines()[0])
        assert first["url"] == f"http://127.0.0.1:{port}"
        assert (tmp_path / "new" / "key.pem").stat().st_mode & 0o077 == 0


def _ask(url: str) -> dict[str, str] | None:
    try:
        answer: dict[str, str] = requests.get(url, timeout=1).json()
    except requests.ConnectionError:
        return None
    return answer
