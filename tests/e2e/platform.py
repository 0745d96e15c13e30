"""The whole platform as a test sees it: real programs under their supervisor, asked and hurt from outside."""

import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import redis
import requests

from press_app.cli.api_client import Api
from press_app.cli.demo.lago import Lago
from press_app.cli.demo.visitor import Visitor
from scripts.bringup.ports import LOOPBACK, WANTED
from scripts.bringup.state import ROOT, Paths
from scripts.bringup.supervisor import RUNNING, ProgramStatus, Supervisor

GIVEN = "PRESS_TEST_PLATFORM"
"""Names the ``up.json`` of a platform that was started for the tests."""
CACHE = ROOT / "var" / "test-cache" / "bench-tryton"
UP_SECONDS = 900
CALL_SECONDS = 300
JSON_TIMEOUT = 30
HEALTHY_SECONDS = 120.0


@dataclass(frozen=True)
class Platform:
    """One running installation."""

    paths: Paths
    urls: dict[str, str] = field(default_factory=dict)

    @cached_property
    def api(self) -> Api:
        return Api(self.urls["press-api"], self.secret("operator-token"))

    @cached_property
    def lago(self) -> Lago:
        return Lago(self.urls["lago-sandbox"], self.secret("lago-api-key"))

    @cached_property
    def supervisor(self) -> Supervisor:
        return Supervisor(self.paths)

    def secret(self, name: str) -> str:
        return (self.paths.secrets / name).read_text("utf-8").strip()

    def read_env(self, file: str) -> dict[str, str]:
        lines = (self.paths.env / file).read_text("utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines if line)

    def press(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line as a person does, in this installation."""
        environment = {**os.environ, "PRESS_STATE_DIR": str(self.paths.state)}
        return subprocess.run(
            [str(ROOT / "scripts" / "press"), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=CALL_SECONDS,
        )

    def sandbox(self, method: str, path: str, body: Any = None) -> Any:
        """What the Lago sandbox has beside Lago's own paths."""
        answer = requests.request(
            method,
            f"{self.urls['lago-sandbox']}/sandbox/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.secret('lago-api-key')}"},
            timeout=JSON_TIMEOUT,
        )
        answer.raise_for_status()
        return answer.json()

    def reconcile(self) -> None:
        """Tell the bridge to compare everything with Lago now."""
        answer = requests.post(
            f"{self.urls['bridge-api']}/v1/reconcile",
            headers={"Authorization": f"Bearer {self.secret('bridge-operator-token')}"},
            timeout=JSON_TIMEOUT,
        )
        answer.raise_for_status()

    def find_delivery(self, key: str) -> dict[str, Any] | None:
        """What the bridge made of the delivery with this key; None while it has none."""
        answer = requests.get(
            f"{self.urls['bridge-api']}/v1/inbox?limit=200",
            headers={"Authorization": f"Bearer {self.secret('bridge-operator-token')}"},
            timeout=JSON_TIMEOUT,
        )
        answer.raise_for_status()
        return next((event for event in answer.json()["items"] if event["unique_key"] == key), None)

    def deliver(self, payload: Any, *, key: str) -> int:
        """Send a webhook as Lago does, signed; the status of the answer."""
        raw = json.dumps(payload).encode()
        secret = self.secret("lago-hmac-key").encode()
        headers = {
            "Content-Type": "application/json",
            "X-Lago-Signature": base64.b64encode(hmac.digest(secret, raw, hashlib.sha256)).decode(),
            "X-Lago-Signature-Algorithm": "hmac",
            "X-Lago-Unique-Key": key,
        }
        url = f"{self.urls['bridge-api']}/webhooks/lago"
        return requests.post(url, data=raw, headers=headers, timeout=JSON_TIMEOUT).status_code

    def visitor(self, hostname: str) -> Visitor:
        port = self.urls["edge"].rpartition(":")[2]
        return Visitor(f"http://{hostname}:{port}", self.urls["edge"])

    def status_of(self, program: str) -> ProgramStatus:
        """What supervisor says of it. Raises LookupError when it says nothing."""
        return {status.name: status for status in self.supervisor.list_programs()}[program]

    def kill(self, *programs: str) -> None:
        """End them without warning; supervisor starts them again."""
        for status in [self.status_of(program) for program in programs]:
            if status.state == RUNNING:
                os.kill(status.pid, signal.SIGKILL)

    def read_host_state(self) -> dict[str, Any]:
        """What the agent says that this host holds."""
        argv = (str(ROOT / "scripts/lib/with-env"), str(self.paths.env / "agent.env"))
        done = subprocess.run(
            [*argv, sys.executable, "-m", "agent.cli", "state"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=CALL_SECONDS,
        )
        state: dict[str, Any] = json.loads(done.stdout)
        return state

    def flush_redis(self) -> None:
        """Take everything out of Redis, as a restart without its disk would."""
        with redis.Redis.from_url(self.read_env("press.env")["PRESS_REDIS_URL"]) as client:
            client.flushall()

    def restart(self) -> None:
        """Stop every program, then start all again."""
        run_up(self.paths, "--down")
        run_up(self.paths, "--no-demo")

    def wait_healthy(self) -> None:
        """Until all programs run and everything that they need answers."""
        deadline = time.monotonic() + HEALTHY_SECONDS
        while missing := self.list_unready():
            assert time.monotonic() < deadline, f"still not ready: {missing}"
            time.sleep(0.1)

    def list_unready(self) -> list[str]:
        """Programs that do not run, and what those that run miss."""
        asleep = [program.name for program in self.supervisor.list_programs() if program.state != RUNNING]
        return asleep or [
            text for name in ("press-api", "bridge-api", "agent-api") for text in self._ask(name)
        ]

    def _ask(self, name: str) -> list[str]:
        try:
            answer = requests.get(f"{self.urls[name]}/ready", timeout=JSON_TIMEOUT)
        except requests.RequestException as error:
            return [f"{name}: {type(error).__name__}"]
        return [] if answer.ok else [f"{name}: {answer.text}"]


def run_up(paths: Paths, *arguments: str) -> None:
    """``scripts/up`` without its installation of packages. Fails with what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "scripts.bringup", "--state", str(paths.state), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=UP_SECONDS,
    )
    assert done.returncode == 0, done.stderr


def load(record: Path) -> Platform:
    """The platform that left this ``up.json``."""
    return Platform(Paths(record.parent), json.loads(record.read_text("utf-8"))["urls"])


@contextmanager
def running(state: Path, *arguments: str) -> Iterator[Platform]:
    """A platform of our own in this folder, with the templates of earlier runs; stopped at the end. ``arguments`` go to ``up``."""
    paths = Paths(state)
    releases = state / "agent" / "releases"
    releases.parent.mkdir(parents=True, exist_ok=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    if not releases.exists():
        releases.symlink_to(CACHE)
    # Not the usual ports: another installation may choose those at the same moment.
    ports = [f"--port={name}={port}" for name, port in choose_free_ports(tuple(WANTED)).items()]
    try:
        run_up(paths, "--no-demo", *ports, *arguments)
        yield load(paths.record)
    finally:
        run_up(paths, "--down")


def choose_free_ports(names: Sequence[str]) -> dict[str, int]:
    """A port for each name that nobody listens on, all different."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in names]
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return {name: probe.getsockname()[1] for name, probe in zip(names, probes, strict=True)}
