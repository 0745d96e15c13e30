"""Real databases, a real Redis and real sockets for the bridge's tests."""

import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy as sa

from billing_bridge import bootstrap
from billing_bridge.bootstrap import Bridge
from billing_bridge.config import Settings
from billing_bridge.db import make_engine
from billing_bridge.migrations.schema import upgrade_database
from tests.billing_bridge.builders import HMAC_KEY, make_customer, make_features, make_plan
from tests.billing_bridge.servers import LagoServer, PressServer, serving

MARIADB_URL = "PRESS_TEST_MARIADB_URL"


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], *, seconds: float = 20.0, what: str = "the condition") -> None:
    """Ask until it holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not come true within {seconds} s")
        time.sleep(0.02)


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., None]:
    return wait_until


@pytest.fixture(name="free_port")
def free_port_fixture() -> Callable[[], int]:
    return find_free_port


def make_sqlite(folder: Path) -> str:
    """The address of a new migrated SQLite database."""
    url = f"sqlite:///{folder}/bridge.db"
    upgrade_database(url)
    return url


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty migrated database of its own."""
    if request.param == "sqlite":
        yield make_sqlite(tmp_path)
        return
    server = os.environ.get(MARIADB_URL)
    if not server:
        pytest.skip(f"{MARIADB_URL} names no MariaDB server")
    name = f"bridge_test_{uuid.uuid4().hex[:12]}"
    admin = sa.create_engine(server)
    with admin.begin() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    url = sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    upgrade_database(url)
    try:
        yield url
    finally:
        with admin.begin() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name}"))
        admin.dispose()


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    made = make_engine(database_url)
    yield made
    made.dispose()


@pytest.fixture
def lago_server() -> Iterator[LagoServer]:
    """Lago with one customer and the starter plan."""
    server = LagoServer(
        customers=[make_customer()], plans=[make_plan()], entitlements={"acme": make_features()}
    )
    with serving(server):
        yield server


@pytest.fixture
def press_server() -> Iterator[PressServer]:
    server = PressServer()
    with serving(server):
        yield server


@contextmanager
def serving_redis(port: int, folder: Path) -> Iterator[None]:
    """A redis-server of our own that keeps nothing."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    argv = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    client = redis.Redis(port=port)
    try:
        wait_until(lambda: _answers(client), what="redis-server")
        yield
    finally:
        client.close()
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = find_free_port()
    with serving_redis(port, tmp_path_factory.mktemp("redis")):
        yield port


@pytest.fixture
def start_redis(tmp_path: Path) -> Callable[[int], AbstractContextManager[None]]:
    """Starts another Redis on a port that the test chooses."""
    return lambda port: serving_redis(port, tmp_path)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@pytest.fixture
def redis_url(redis_port: int) -> str:
    with redis.Redis(port=redis_port) as client:
        client.flushall()
    return f"redis://127.0.0.1:{redis_port}/0"


@pytest.fixture
def settings(
    database_url: str, lago_server: LagoServer, press_server: PressServer
) -> Callable[..., Settings]:
    """Settings that point at the test's own servers; quick where waiting proves nothing."""

    def make(**overrides: Any) -> Settings:
        defaults: dict[str, Any] = {
            "database_url": database_url,
            "redis_url": "redis://127.0.0.1:1/0",
            "lago_api_url": lago_server.url,
            "lago_api_key": "lago-key",
            "press_api_url": press_server.url,
            "press_api_token": "press-token",
            "webhook_hmac_key": HMAC_KEY,
            "operator_token": "operator-token",
            "backoff_first": 0.05,
            "backoff_max": 0.2,
            "sweep_seconds": 0.1,
            "lease_seconds": 2.0,
        }
        return Settings(**defaults | overrides)

    return make


@pytest.fixture
def make_bridge(settings: Callable[..., Settings]) -> Iterator[Callable[..., Bridge]]:
    """A bridge on the test's servers; adapters can be replaced by keyword."""
    made: list[Bridge] = []

    def make(*, adapters: dict[str, Any] | None = None, **overrides: Any) -> Bridge:
        bridge = bootstrap.bootstrap(settings(**overrides), **(adapters or {}))
        made.append(bridge)
        return bridge

    yield make
    for bridge in made:
        bridge.engine.dispose()
