"""How fast the billing bridge acknowledges webhooks that are on disk: a real process, signed distinct bodies."""

import asyncio
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import requests as http
import sqlalchemy as sa

from billing_bridge.config import Settings
from billing_bridge.db import inbox, make_engine
from billing_bridge.inbox.events import NewEvent
from billing_bridge.inbox.store import InboxStore
from billing_bridge.migrations.schema import upgrade_database
from tests.bench.figures import Figure, find_percentile, make_figure, make_rate
from tests.bench.load import Sent, send_as_fast_as_answered, send_steadily
from tests.billing_bridge.builders import HMAC_KEY, ORGANIZATION, make_features, make_subscription, sign
from tests.billing_bridge.processes import running
from tests.factories.processes import free_port, running_redis, wait_until

PER_SECOND = 500
SECONDS = 10
PEAK_COUNT = 12_000
WARM_COUNT = 1_000
CONNECTIONS = 32
ALONE_COUNT = 200
"""Deliveries of the baseline: each with a commit of its own, as a handler without groups does it."""
SQLITE_NAME = "bridge.db"
STARTED = "subscription.started"
ACCEPTED = 200


@dataclass(frozen=True)
class Bridge:
    """A running `press-bridge run api`."""

    port: int
    pid: int

    def read_cpu(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_acks(folder: Path, *, database_url: str | None = None, suffix: str = "") -> Iterator[Figure]:
    """The tail at a steady rate, then the most per second; raises AssertionError when an answer or a row is missing.

    ``folder`` is on the disk to be measured; without ``database_url`` it gets a SQLite file of its own.
    """
    url = database_url or f"sqlite:///{folder / SQLITE_NAME}"
    upgrade_database(url)
    alone = measure_alone(url)
    with running_bridge(folder, url) as bridge:
        send_all(bridge, "warm", WARM_COUNT)
        requests = make_deliveries("steady", PER_SECOND * SECONDS)
        steady = asyncio.run(
            send_steadily(bridge.port, requests, per_second=PER_SECOND, connections=CONNECTIONS)
        )
        before = bridge.read_cpu()
        peak = send_all(bridge, "peak", PEAK_COUNT)
        cpu = (bridge.read_cpu() - before) / PEAK_COUNT
    check(url, steady, peak)
    rate = f"at_{PER_SECOND}_per_second{suffix}"
    for percent in (50, 99):
        seconds = find_percentile([each.seconds for each in steady], percent)
        yield make_figure(f"ack_durable_p{percent}_{rate}", seconds)
    yield make_figure(f"ack_sent_late_p99_{rate}", find_percentile([each.late for each in steady], 99))
    yield Figure(figure=f"ack_cpu_each{suffix}", value=round(cpu * 1000, 3), unit="ms")
    yield make_rate(f"ack_one_commit_each_per_second{suffix}", alone)
    yield make_rate(f"ack_peak_per_second{suffix}", rate_of(peak), baseline=alone)


def send_all(bridge: Bridge, name: str, count: int) -> list[Sent]:
    """So many deliveries, as fast as they are acknowledged."""
    requests = make_deliveries(name, count)
    return asyncio.run(send_as_fast_as_answered(bridge.port, requests, connections=CONNECTIONS))


def measure_alone(url: str) -> float:
    """How many deliveries a second reach the disk of this machine when each has a commit of its own."""
    engine = make_engine(url)
    store = InboxStore(engine)
    events = [
        NewEvent(unique_key=f"alone-{number}", webhook_type=STARTED, body=make_started(f"alone-{number}"))
        for number in range(ALONE_COUNT)
    ]
    begun = time.monotonic()
    for event in events:
        store.insert([event], now=datetime.now(UTC))
    rate = ALONE_COUNT / (time.monotonic() - begun)
    engine.dispose()
    return rate


def make_durable(server: str) -> str:
    """The address of a new database on a MariaDB that syncs each commit to its disk."""
    engine = sa.create_engine(server)
    with engine.connect() as connection:
        connection.execute(sa.text("SET GLOBAL innodb_flush_log_at_trx_commit = 1"))
        connection.execute(sa.text("CREATE DATABASE bridge"))
    engine.dispose()
    return sa.make_url(server).set(database="bridge").render_as_string(hide_password=False)


@contextmanager
def running_bridge(folder: Path, url: str) -> Iterator[Bridge]:
    """The API with its bell in a Redis of its own."""
    with running_redis(folder) as redis_url:
        settings = Settings.model_validate(
            {
                "port": free_port(),
                "database_url": url,
                "redis_url": redis_url,
                "webhook_hmac_key": HMAC_KEY,
                "lago_organization_id": ORGANIZATION,
            }
        )
        with running("run", "api", settings=settings, log=folder / "bridge-api.log") as process:
            wait_until(lambda: is_up(settings.port), seconds=60, what="the bridge's first answer")
            yield Bridge(settings.port, process.pid)


def is_up(port: int) -> bool:
    try:
        return http.get(f"http://127.0.0.1:{port}/health", timeout=2).ok
    except http.ConnectionError:
        return False


def make_started(name: str) -> bytes:
    """A body of about 3 kB, as Lago's own: the subscription with its plan, its customer and its entitlements."""
    plan = {"code": "starter", "name": "Starter", "amount_cents": 2900, "charges": [], "taxes": []}
    nested = {
        "plan": plan | {"description": "d" * 900},
        "customer": {"name": "n" * 900, "email": "o@acme.example"},
    }
    subscription = make_subscription(name, entitlements=make_features(), **nested)
    body = {
        "webhook_type": STARTED,
        "object_type": "subscription",
        "organization_id": ORGANIZATION,
        "subscription": subscription,
    }
    return json.dumps(body).encode()


def make_deliveries(name: str, count: int) -> list[bytes]:
    """Whole HTTP requests, each with a body, a signature and a key of its own."""
    return [make_delivery(f"{name}-{number}") for number in range(count)]


def make_delivery(name: str) -> bytes:
    body = make_started(name)
    headers = sign(body, unique_key=f"key-{name}") | {"Content-Length": str(len(body)), "Host": "127.0.0.1"}
    lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    return f"POST /webhooks/lago HTTP/1.1\r\n{lines}\r\n".encode() + body


def check(url: str, *runs: Sequence[Sent]) -> None:
    """Every delivery was acknowledged, and every acknowledged one is a row."""
    statuses = {each.status for run in runs for each in run}
    assert statuses == {ACCEPTED}, f"the bridge answered {sorted(statuses)}"
    engine = make_engine(url)
    with engine.connect() as connection:
        rows = connection.scalar(sa.select(sa.func.count()).select_from(inbox))
    engine.dispose()
    expected = ALONE_COUNT + WARM_COUNT + sum(len(run) for run in runs)
    assert rows == expected, f"{expected} deliveries were acknowledged, {rows} are stored"


def rate_of(run: Sequence[Sent]) -> float:
    return len(run) / (max(each.answered for each in run) - min(each.sent for each in run))
