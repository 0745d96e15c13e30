"""The control plane's programs as they are really started: whatever happens, each line of their logs is JSON."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.factories.processes import free_port, running_redis, wait_until

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A control plane of its own, whose Redis does not run yet."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "PRESS_PORT": str(free_port()),
        "PRESS_MASTER_KEY": "0" * 64,
        "PRESS_DATABASE_URL": f"sqlite:///{tmp_path / 'press.db'}",
        "PRESS_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "PRESS_AGENT_KEY_FILE": str(tmp_path / "agent-key.pem"),
        "PRESS_EDGE_DYNAMIC_FILE": str(tmp_path / "dynamic" / "sites.yml"),
        "PRESS_EDGE_PORT": str(free_port()),
    }


def command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "press_app.cli", *arguments)


@contextmanager
def running(*arguments: str, environment: dict[str, str], log: Path) -> Iterator[None]:
    """One program until the block ends; both of its outputs go to ``log``."""
    with (
        log.open("ab") as output,
        subprocess.Popen(
            command("run", *arguments), env=environment, cwd=log.parent, stdout=output, stderr=output
        ) as process,
    ):
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(START_SECONDS)


def read(log: Path) -> list[dict[str, Any]]:
    """Every line as an object; a line that is none fails the test and shows itself."""
    lines = []
    for line in log.read_text().splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            pytest.fail(f"{log.name}: no JSON: {line!r}")
    assert all({"event", "level", "logger", "timestamp"} <= set(line) for line in lines)
    return lines


def wait_for(log: Path, event: str) -> None:
    """The last line may still be on its way, so it is looked for as text."""
    wait_until(lambda: f'"{event}"' in log.read_text(), seconds=START_SECONDS, what=event)


def status_of(url: str, **headers: str) -> int:
    try:
        return requests.get(url, headers=headers, timeout=5).status_code
    except requests.ConnectionError:
        return 0


def test_each_line_of_their_logs_is_json(environment: dict[str, str], tmp_path: Path) -> None:
    subprocess.run(command("db", "upgrade"), env=environment, cwd=tmp_path, check=True, capture_output=True)
    api, worker = (tmp_path / f"{name}.log" for name in ("api", "worker"))
    url = f"http://127.0.0.1:{environment['PRESS_PORT']}"
    redis_port = int(environment["PRESS_REDIS_URL"].rsplit(":", 1)[1].removesuffix("/0"))
    with (
        running("api", environment=environment, log=api),
        running("worker", "--tick", environment=environment, log=worker),
    ):
        wait_until(lambda: status_of(f"{url}/health") == 200, seconds=START_SECONDS, what="the API's answer")
        wait_for(worker, "worker.redis_away")
        wait_for(worker, "bell.silent")
        assert status_of(f"{url}/ready") == 503
        assert status_of(f"{url}/nowhere", **{"X-Correlation-ID": "c-1"}) == 404
        with running_redis(tmp_path, redis_port):
            wait_until(lambda: status_of(f"{url}/ready") == 200, seconds=START_SECONDS, what="readiness")
        wait_until(lambda: status_of(f"{url}/ready") == 503, seconds=START_SECONDS, what="Redis' end")
    requested = [line for line in read(api) if line["event"] == "api.request" and line["path"] == "/nowhere"]
    assert [line["correlation_id"] for line in requested] == ["c-1"]
    assert {line["logger"] for line in read(api)} >= {"uvicorn.error", "press_app.api.middleware"}
    assert {"worker.redis_away", "bell.silent"} <= {line["event"] for line in read(worker)}


@pytest.mark.parametrize("program", ["api", "worker"])
def test_a_crash_is_a_line_of_json_too(environment: dict[str, str], tmp_path: Path, program: str) -> None:
    environment["PRESS_REDIS_URL"] = "nonsense:canary@nowhere"
    log = tmp_path / f"{program}.log"
    with log.open("wb") as output:
        done = subprocess.run(
            command("run", program),
            env=environment,
            cwd=tmp_path,
            stdout=output,
            stderr=output,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    (line,) = read(log)
    assert (line["event"], line["level"]) == ("program.crashed", "critical")
    assert "ValueError" in line["exception"]
