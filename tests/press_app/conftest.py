"""The control plane under test: both databases, a clock that is moved by hand, a bell that remembers."""

import importlib
import io
import logging
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
import structlog
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from press_app.agents.fake import FakeAgents
from press_app.api.app import create_app
from press_app.bootstrap import Runtime, bootstrap
from press_app.config import Settings
from press_app.edge.fake import FakeEdge
from press_app.kit.clock import FixedClock
from press_app.kit.db import Base, Database, open_database
from press_app.kit.logs import setup_logs
from press_app.work.bell import FakeBell
from press_app.work.unit_of_work import Work
from tests.factories.processes import running_redis
from tests.press_app.driver import Driver

ROOT = Path(__file__).resolve().parents[2]
MARIADB_URL = os.environ.get("PRESS_TEST_MARIADB_URL")
"""A server on which databases may be made: ``mysql+pymysql://user:password@127.0.0.1:3306``."""


def import_models() -> None:
    """Every table, so that ``Base.metadata`` is whole whatever a test imports."""
    for path in sorted((ROOT / "press_app").glob("*/model.py")):
        importlib.import_module(f"press_app.{path.parent.name}.model")
    importlib.import_module("press_app.work.idempotency")


@pytest.fixture(scope="session", autouse=True)
def _plain_logs() -> None:
    """One line for each log event; the default renderer spends a second on the variables of each traceback."""
    renderer = structlog.processors.JSONRenderer(default=str)
    structlog.configure(processors=[structlog.processors.format_exc_info, renderer])


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    """Logs as the programs write them; the test run's own logging is put back afterwards."""
    root = logging.getLogger()
    handlers, level, config = list(root.handlers), root.level, structlog.get_config()
    stream = io.StringIO()
    setup_logs("INFO", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**config)


@pytest.fixture(scope="session")
def sqlite_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    import_models()
    database = open_database(f"sqlite:///{tmp_path_factory.mktemp('sqlite')}/press.db")
    Base.metadata.create_all(database.write_engine)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def mariadb_database(worker_id: str) -> Iterator[Database]:
    if MARIADB_URL is None:
        pytest.skip("PRESS_TEST_MARIADB_URL names no MariaDB server")
    import_models()
    # Each folder of tests that borrows this fixture has a database of its own.
    name = f"press_test_{worker_id}_{secrets.token_hex(4)}"
    server = create_engine(make_url(MARIADB_URL).set(database=""), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} CHARACTER SET utf8mb4"))
    database = open_database(make_url(MARIADB_URL).set(database=name).render_as_string(hide_password=False))
    Base.metadata.create_all(database.write_engine)
    yield database
    database.dispose()
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name}"))
    server.dispose()


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def database(request: pytest.FixtureRequest) -> Database:
    """An empty database; each test that uses it runs on SQLite and, where a server is named, on MariaDB."""
    database: Database = request.getfixturevalue(f"{request.param}_database")
    with database.write_engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
    return database


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 11, 23, 10, 0, tzinfo=UTC))


@pytest.fixture
def bell() -> FakeBell:
    return FakeBell()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real redis-server of this session's own; yields its URL."""
    with running_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """An empty Redis."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        master_key=SecretStr("0" * 64),
        public_url="http://testserver",
        edge_dynamic_file=tmp_path / "dynamic" / "sites.yml",
        agent_key_file=tmp_path / "agent-key.pem",
        # Tests of the round say when; all others count the jobs that they order themselves.
        backup_interval_minutes=0,
    )


@pytest.fixture
def agents() -> FakeAgents:
    return FakeAgents()


@pytest.fixture
def edge() -> FakeEdge:
    return FakeEdge()


@pytest.fixture
def runtime(
    settings: Settings,
    database: Database,
    agents: FakeAgents,
    edge: FakeEdge,
    bell: FakeBell,
    clock: FixedClock,
) -> Runtime:
    """The control plane as it is in production, but for hosts, edge and doorbell."""
    return bootstrap(settings, database=database, agents=agents, edge=edge, bell=bell, clock=clock)


@pytest.fixture
def work(runtime: Runtime) -> Work:
    return runtime.work


@pytest.fixture
def client(runtime: Runtime) -> Iterator[TestClient]:
    """The API, without a network between; unexpected errors come back as answers, as they would in production."""
    with TestClient(create_app(runtime), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def driver(runtime: Runtime, agents: FakeAgents, edge: FakeEdge, clock: FixedClock) -> Driver:
    """The whole control plane with plans, a server and a bench; nothing runs by itself."""
    return Driver(runtime, clock, agents, edge).furnish()
