"""The bridge's programs as they are really started: whatever happens, each line of their logs is JSON."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import requests

from billing_bridge.bootstrap import Bridge, bootstrap
from billing_bridge.config import Settings
from billing_bridge.inbox.events import EventStatus
from tests.billing_bridge.builders import make_body, sign
from tests.billing_bridge.conftest import make_sqlite
from tests.billing_bridge.processes import running

Until = Callable[..., None]
START_SECONDS = 30
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return make_sqlite(tmp_path)


@pytest.fixture
def bridge(settings: Callable[..., Settings], free_port: Callable[[], int]) -> Iterator[Bridge]:
    """What the test sees of the programs' database; their Redis does not run yet."""
    made = bootstrap(settings(redis_url=f"redis://127.0.0.1:{free_port()}/0", port=free_port()))
    yield made
    made.engine.dispose()


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


def status_of(url: str) -> int:
    try:
        return requests.get(url, timeout=5).status_code
    except requests.ConnectionError:
        return 0


def is_handled(bridge: Bridge, key: str) -> bool:
    events = bridge.store.list_events(status=EventStatus.HANDLED, limit=50)
    return key in {event.unique_key for event in events}


def test_each_line_is_json_and_has_the_webhooks_correlation_id(
    bridge: Bridge, until: Until, tmp_path: Path, start_redis: Callable[[int], AbstractContextManager[None]]
) -> None:
    api, worker = tmp_path / "api.log", tmp_path / "worker.log"
    url = f"http://127.0.0.1:{bridge.settings.port}"
    redis_port = int(bridge.settings.redis_url.rsplit(":", 1)[1].removesuffix("/0"))
    raw = make_body()
    headers = sign(raw, unique_key="the-one") | {"X-Correlation-ID": "c-1"}
    with (
        running("run", "api", settings=bridge.settings, log=api),
        running("run", "worker", settings=bridge.settings, log=worker),
    ):
        until(lambda: status_of(f"{url}/health") == 200, seconds=START_SECONDS, what="the API's answer")
        until(lambda: '"redis_away"' in worker.read_text(), seconds=START_SECONDS, what="the wait")
        assert requests.post(f"{url}/webhooks/lago", data=raw, headers=headers, timeout=5).ok
        until(lambda: is_handled(bridge, "the-one"), seconds=START_SECONDS, what="the handling")
        with start_redis(redis_port):
            until(lambda: status_of(f"{url}/ready") == 200, seconds=START_SECONDS, what="readiness")
        until(lambda: status_of(f"{url}/ready") == 503, seconds=START_SECONDS, what="Redis' end")
    handled = [line for line in read(worker) if line["event"] == "event_handled"]
    assert "c-1" in [line["correlation_id"] for line in handled]
    assert "uvicorn.error" in {line["logger"] for line in read(api)}


@pytest.mark.parametrize("program", ["api", "worker"])
def test_a_crash_is_a_line_of_json_too(bridge: Bridge, tmp_path: Path, program: str) -> None:
    log = tmp_path / f"{program}.log"
    broken = bridge.settings.model_copy(update={"redis_url": "nonsense:canary@nowhere"})
    with running("run", program, settings=broken, log=log) as process:
        assert process.wait(START_SECONDS) == 1
    (line,) = read(log)
    assert (line["event"], line["level"]) == ("program_crashed", "critical")
    assert "ValueError" in line["exception"]


def test_the_sandbox_says_in_json_that_its_port_is_taken(
    free_port: Callable[[], int], until: Until, tmp_path: Path
) -> None:
    port = str(free_port())
    environment = {
        "PYTHONPATH": str(ROOT),
        "PRESS_SANDBOX_PORT": port,
        "PRESS_SANDBOX_DATABASE": str(tmp_path / "lago.sqlite3"),
        "PRESS_SANDBOX_RSA_PRIVATE_KEY": str(tmp_path / "key.pem"),
    }
    argv = [sys.executable, "-m", "billing_bridge.sandbox"]
    first_log, second_log = tmp_path / "first.log", tmp_path / "second.log"
    with (
        first_log.open("wb") as out,
        subprocess.Popen(argv, env=environment, cwd=tmp_path, stdout=out, stderr=out) as first,
    ):
        try:
            health = f"http://127.0.0.1:{port}/health"
            until(lambda: status_of(health) == 200, seconds=START_SECONDS, what="the sandbox's answer")
            with second_log.open("wb") as output:
                second = subprocess.run(
                    argv,
                    env=environment,
                    cwd=tmp_path,
                    stdout=output,
                    stderr=output,
                    check=False,
                    timeout=START_SECONDS,
                )
        finally:
            first.terminate()
            first.wait(START_SECONDS)
    assert second.returncode != 0
    assert "uvicorn.error" in {line["logger"] for line in read(first_log)}
    assert any("address already in use" in str(line["event"]) for line in read(second_log))
