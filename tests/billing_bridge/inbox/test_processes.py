"""Real processes, a real Redis, real sockets: nothing is lost and nothing is done twice."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import redis
import requests

from billing_bridge.bootstrap import Bridge, bootstrap
from billing_bridge.config import Settings
from billing_bridge.inbox.events import EventStatus, NewEvent
from tests.billing_bridge.builders import make_body, make_subscription, sign
from tests.billing_bridge.processes import running
from tests.billing_bridge.servers import LagoServer, PressServer, serving

pytestmark = pytest.mark.redis
Until = Callable[..., None]


@pytest.fixture
def bridge(
    settings: Callable[..., Settings], redis_url: str, free_port: Callable[[], int]
) -> Iterator[Bridge]:
    """The test's own view of the database that the processes share."""
    made = bootstrap(
        settings(redis_url=redis_url, port=free_port(), max_attempts=4, reconcile_seconds=3600.0)
    )
    yield made
    made.engine.dispose()


def is_healthy(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=2).ok
    except requests.ConnectionError:
        return False


def count(bridge: Bridge, status: EventStatus) -> int:
    events = bridge.store.list_events(status=status, limit=500)
    return sum(event.source == "lago" for event in events)


def store(bridge: Bridge, key: str, webhook_type: str = "subscription.updated") -> None:
    event = NewEvent(unique_key=key, webhook_type=webhook_type, body=make_body(webhook_type))
    bridge.store.insert([event], now=bridge.clock())


def test_the_same_webhook_a_hundred_times_has_one_effect(
    bridge: Bridge, lago_server: LagoServer, press_server: PressServer, until: Until, tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{bridge.settings.port}"
    raw = make_body()
    headers = sign(raw, unique_key="the-one")
    with (
        running("run", "api", settings=bridge.settings, log=tmp_path / "api.log"),
        running("run", "worker", settings=bridge.settings, log=tmp_path / "worker.log"),
    ):
        until(lambda: is_healthy(url), what="the API")
        until(lambda: bridge.mismatches.find_note("reconcile") is not None, what="the first reconcile")
        lago_server.subscriptions.append(make_subscription())
        with requests.Session() as session, ThreadPoolExecutor(20) as pool:

            def deliver(_: int) -> requests.Response:
                return session.post(f"{url}/webhooks/lago", data=raw, headers=headers, timeout=10)

            answers = list(pool.map(deliver, range(100)))
        until(lambda: count(bridge, EventStatus.HANDLED) == 1, what="the event")
    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["received"] == "new" for answer in answers) == 1
    assert press_server.count_effects() == {("acme", "run"): 1}
    assert bridge.store.list_events(status=EventStatus.DEAD, limit=9) == []


def test_a_worker_killed_in_the_middle_of_a_sync_loses_nothing(
    bridge: Bridge, lago_server: LagoServer, press_server: PressServer, until: Until, tmp_path: Path
) -> None:
    lago_server.subscriptions.append(make_subscription())
    lago_server.delay = 30.0
    store(bridge, "killed")
    with running("run", "worker", settings=bridge.settings, log=tmp_path / "worker.log") as worker:
        until(
            lambda: (
                ("GET" in {m for m, _ in lago_server.requests}) and count(bridge, EventStatus.WORKING) == 1
            )
        )
        worker.kill()
        worker.wait()
    assert press_server.puts == []
    lago_server.delay = 0.0
    with running("run", "worker", settings=bridge.settings, log=tmp_path / "worker.log"):
        until(lambda: count(bridge, EventStatus.HANDLED) == 1, what="the event")
    [event] = [e for e in bridge.store.list_events(limit=9) if e.source == "lago"]
    assert event.attempts >= 2
    assert set(press_server.count_effects().elements()) == {("acme", "run")}
    assert press_server.views["acme"]["wanted"] == "run"


def test_a_flushed_redis_loses_nothing(
    bridge: Bridge, lago_server: LagoServer, press_server: PressServer, until: Until, tmp_path: Path
) -> None:
    lago_server.subscriptions.append(make_subscription())
    with running("run", "worker", settings=bridge.settings, log=tmp_path / "worker.log"):
        for number in range(5):
            store(bridge, f"event-{number}")
            bridge.doorbell.ring()
            with redis.Redis.from_url(bridge.settings.redis_url) as client:
                client.delete(f"rq:queue:{bridge.settings.queue_name}")
        until(lambda: count(bridge, EventStatus.HANDLED) == 5, what="all events")
    assert press_server.views["acme"]["wanted"] == "run"


def test_a_dead_lago_ends_in_a_dead_letter_that_can_be_replayed(
    bridge: Bridge, lago_server: LagoServer, press_server: PressServer, until: Until, tmp_path: Path
) -> None:
    lago_server.subscriptions.append(make_subscription())
    lago_server.always_broken = True
    store(bridge, "down")
    with running("run", "worker", settings=bridge.settings, log=tmp_path / "worker.log"):
        until(lambda: count(bridge, EventStatus.DEAD) == 1, seconds=40, what="the dead letter")
        [dead] = bridge.store.list_events(status=EventStatus.DEAD, limit=9)
        assert (dead.attempts, dead.error_code) == (4, "lago_unreadable")
        assert press_server.puts == []
        lago_server.always_broken = False
        bridge.store.replay(dead.id, now=bridge.clock())
        until(lambda: count(bridge, EventStatus.HANDLED) == 1, what="the replay")
        # Once by the replay; the reconciler may have told the same in the meantime.
    assert set(press_server.count_effects()) == {("acme", "run")}


def test_a_dead_control_plane_likewise(
    bridge: Bridge, lago_server: LagoServer, press_server: PressServer, until: Until, tmp_path: Path
) -> None:
    lago_server.subscriptions.append(make_subscription())
    press_server.always_broken = True
    store(bridge, "down")
    with running("run", "worker", settings=bridge.settings, log=tmp_path / "worker.log"):
        until(lambda: count(bridge, EventStatus.DEAD) == 1, seconds=40, what="the dead letter")
        press_server.always_broken = False
        assert bridge.store.replay_dead(now=bridge.clock()) == 1
        until(lambda: count(bridge, EventStatus.HANDLED) == 1, what="the replay")
    # The reconciler, which failed at the same control plane, may have told the same in the meantime.
    assert set(press_server.count_effects()) == {("acme", "run")}


def test_a_lost_webhook_is_repaired_by_the_running_reconciler(
    settings: Callable[..., Settings],
    redis_url: str,
    lago_server: LagoServer,
    press_server: PressServer,
    until: Until,
    tmp_path: Path,
) -> None:
    lago_server.subscriptions.append(make_subscription())
    options = settings(redis_url=redis_url, reconcile_seconds=0.5)
    with running("run", "worker", settings=options, log=tmp_path / "worker.log"):
        until(lambda: "acme" in press_server.views, what="the repair")
        lago_server.subscriptions[0].update(status="terminated", terminated_at="2026-11-20T10:00:00Z")
        until(lambda: press_server.views["acme"]["wanted"] == "end", what="the second repair")


def test_a_late_lago_is_waited_for(
    settings: Callable[..., Settings],
    redis_url: str,
    free_port: Callable[[], int],
    press_server: PressServer,
    until: Until,
    tmp_path: Path,
) -> None:
    port = free_port()
    options = settings(redis_url=redis_url, lago_api_url=f"http://127.0.0.1:{port}", reconcile_seconds=3600.0)
    bridge = bootstrap(options)
    store(bridge, "early")
    with running("run", "worker", settings=options, log=tmp_path / "worker.log"):
        until(
            lambda: bridge.store.get_by_key("early").error_code == "lago_unreadable",
            what="the first failure",
        )
        with serving(LagoServer(subscriptions=[make_subscription()]), port=port):
            until(lambda: count(bridge, EventStatus.HANDLED) == 1, what="the event")
    assert press_server.views["acme"]["wanted"] == "run"
    bridge.engine.dispose()


def test_without_redis_events_are_handled_and_with_its_return_the_bell_rings(
    settings: Callable[..., Settings],
    free_port: Callable[[], int],
    start_redis: Callable[[int], AbstractContextManager[None]],
    lago_server: LagoServer,
    press_server: PressServer,
    until: Until,
    tmp_path: Path,
) -> None:
    port = free_port()
    lago_server.subscriptions.append(make_subscription())
    bridge = bootstrap(settings(redis_url=f"redis://127.0.0.1:{port}/0", reconcile_seconds=3600.0))
    store(bridge, "no bell")
    with running("run", "worker", settings=bridge.settings, log=tmp_path / "worker.log"):
        until(lambda: count(bridge, EventStatus.HANDLED) == 1, what="the event without Redis")
        with start_redis(port):
            until(bridge.doorbell.ring, what="the bell")
            with redis.Redis(port=port) as client:
                until(lambda: client.scard("rq:workers") == 1, what="the worker's return")
            store(bridge, "with bell")
            until(lambda: count(bridge, EventStatus.HANDLED) == 2, what="the event with Redis")
    assert press_server.views["acme"]["wanted"] == "run"
    bridge.engine.dispose()


def test_a_worker_without_redis_still_obeys_a_signal(
    settings: Callable[..., Settings], free_port: Callable[[], int], until: Until, tmp_path: Path
) -> None:
    options = settings(redis_url=f"redis://127.0.0.1:{free_port()}/0")
    log = tmp_path / "worker.log"
    with running("run", "worker", settings=options, log=log) as worker:
        until(lambda: "redis_away" in log.read_text(), what="the first attempt")
        worker.terminate()
        assert worker.wait(10) is not None
