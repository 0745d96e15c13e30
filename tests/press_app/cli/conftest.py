"""A served API, whose hosts are fakes that a thread lets succeed, and the command line as people run it."""

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from press_app.access import service as access
from press_app.api.app import create_app
from press_app.cli import main
from press_app.kit.db import Base, Database
from tests.factories.processes import free_port, wait_until
from tests.press_app.driver import Driver

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Said:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def problem(self) -> dict[str, Any]:
        """What ``--json`` says of a failure."""
        found: dict[str, Any] = json.loads(self.err)
        return found


Press = Callable[..., Said]


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """Only SQLite: what commands do to a database is the services' own."""
    with sqlite_database.write_engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
    return sqlite_database


@pytest.fixture
def api_url(driver: Driver, log_lines: io.StringIO) -> Iterator[str]:
    """The real API on a real socket; it logs apart from what commands print."""
    assert not log_lines.getvalue()
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(driver.runtime),
            host="127.0.0.1",
            port=port,
            log_config=None,
            timeout_graceful_shutdown=1,
        )
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started, what="the API")
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def token(driver: Driver) -> str:
    """An operator's token."""
    with driver.work.begin(actor="test") as uow:
        return access.create_token(uow, name="operator", scopes=["operator"]).secret


@pytest.fixture
def press(api_url: str, token: str, capsys: pytest.CaptureFixture[str]) -> Press:
    """Run ``press …`` against the API as an operator."""

    def run(*arguments: str, token: str = token, api_url: str = api_url) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["--api-url", api_url, "--token", token, *arguments])
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def busy_hosts(driver: Driver) -> Iterator[None]:
    """Workers and agents that do whatever is due, all the time."""
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            driver.finish_all()
            over.wait(0.02)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join(20)


@pytest.fixture
def settings_of_process(tmp_path: Path) -> dict[str, str]:
    """What the environment says; nothing answers at the doorbell, which local commands must not need."""
    return {
        "PRESS_MASTER_KEY": "a master key of tests",
        "PRESS_DATABASE_URL": f"sqlite:///{tmp_path}/data/press.db",
        "PRESS_AGENT_KEY_FILE": str(tmp_path / "data" / "agent-key.pem"),
        "PRESS_REDIS_URL": "redis://127.0.0.1:9/0",
    }


@pytest.fixture
def local(
    settings_of_process: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    log_lines: io.StringIO,
) -> Callable[..., Said]:
    """Run ``press …`` with these settings in its environment."""
    assert not log_lines.getvalue()
    for name, value in settings_of_process.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def process(settings_of_process: dict[str, str]) -> Callable[..., Said]:
    """Run ``press …`` as a process of its own, with standard input; a setting of None is taken away."""

    def run(*arguments: str, stdin: str = "", **changes: str | None) -> Said:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PRESS_")}
        chosen = {
            name: value for name, value in {**settings_of_process, **changes}.items() if value is not None
        }
        done = subprocess.run(
            [sys.executable, "-m", "press_app.cli", *arguments],
            cwd=ROOT,
            env={**clean, **chosen},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return run
