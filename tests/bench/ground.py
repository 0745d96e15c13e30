"""What a scale run stands on: a database of its own, the control plane's real programs over it, and a real Traefik."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import requests

from press_app.bootstrap import Runtime, bootstrap
from press_app.config import Settings
from press_app.kit.db import open_database
from press_app.migrations import runner
from press_app.work.bell import FakeBell
from scripts.bringup.files import render_edge
from scripts.bringup.state import ROOT
from tests.bench.model import Model, fill
from tests.factories.processes import free_port, running_redis, wait_until
from traefik.pages.serve import PagesServer

START_SECONDS = 60.0
STOP_SECONDS = 30.0
MANY_REQUESTS = "1000000"
"""Rate limits are not what is measured."""


@dataclass(frozen=True)
class Ground:
    """One filled control plane."""

    folder: Path
    environment: Mapping[str, str]
    runtime: Runtime
    """For passes that are called in this process; hosts are the model's, the doorbell rings nowhere."""
    model: Model

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environment['PRESS_PORT']}"


@contextmanager
def filled_ground(folder: Path, sites: int, database_url: str) -> Iterator[Ground]:
    """A migrated database with so many sites."""
    environment = make_environment(folder, database_url)
    settings = read_settings(environment)
    database = open_database(settings.database_url)
    runner.upgrade(database)
    bell = FakeBell()
    model = fill(bootstrap(settings, database=database, bell=bell).work, sites)
    yield Ground(
        folder, environment, bootstrap(settings, database=database, bell=bell, agents=model.agents), model
    )
    database.dispose()


def make_environment(folder: Path, database_url: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PRESS_PORT": str(free_port()),
        "PRESS_MASTER_KEY": "0" * 64,
        "PRESS_DATABASE_URL": database_url,
        "PRESS_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "PRESS_AGENT_KEY_FILE": str(folder / "agent-key.pem"),
        "PRESS_EDGE_DYNAMIC_FILE": str(folder / "edge" / "dynamic" / "sites.yml"),
        "PRESS_EDGE_PORT": str(free_port()),
        "PRESS_EDGE_PAGES_URL": f"http://127.0.0.1:{free_port()}",
        "PRESS_REQUESTS_PER_MINUTE": MANY_REQUESTS,
    }


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings that the programs read from the same environment."""
    prefix = "PRESS_"
    values = {
        name.removeprefix(prefix).lower(): value
        for name, value in environment.items()
        if name.startswith(prefix)
    }
    return Settings.model_validate(values)


@contextmanager
def running_api(ground: Ground) -> Iterator[str]:
    """A real press-api process, and the Redis that counts its requests; yields its address."""
    with ExitStack() as stack:
        port = int(ground.environment["PRESS_REDIS_URL"].rsplit(":", 1)[1].removesuffix("/0"))
        stack.enter_context(running_redis(ground.folder, port))
        stack.enter_context(running_program(ground, "api"))
        wait_until(lambda: answers(f"{ground.url}/health"), seconds=START_SECONDS, what="the API's answer")
        yield ground.url


@contextmanager
def running_program(ground: Ground, *arguments: str) -> Iterator[None]:
    """One of the control plane's programs, until the block ends."""
    command = (sys.executable, "-m", "press_app.cli", "run", *arguments)
    with (ground.folder / f"{arguments[0]}.log").open("ab") as log:
        process = subprocess.Popen(
            command, env=dict(ground.environment), cwd=ground.folder, stdout=log, stderr=log
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


@contextmanager
def running_edge(ground: Ground) -> Iterator[str]:
    """A real Traefik that watches the control plane's file, with the real pages behind it; yields its address."""
    settings = ground.runtime.settings
    internal = f"127.0.0.1:{free_port()}"
    text = render_edge(
        web_address=f"127.0.0.1:{settings.edge_port}",
        internal_address=internal,
        dynamic_dir=str(settings.edge_dynamic_file.parent),
    )
    static = ground.folder / "traefik.yml"
    static.write_text(text, encoding="utf-8")
    settings.edge_dynamic_file.parent.mkdir(parents=True, exist_ok=True)
    command = (str(Path(sys.executable).parent / "traefik"), f"--configFile={static}")
    with serving_pages(settings.edge_pages_url), (ground.folder / "traefik.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_until(lambda: answers(f"http://{internal}/ping"), seconds=START_SECONDS, what="Traefik")
            yield f"http://127.0.0.1:{settings.edge_port}/"
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


@contextmanager
def serving_pages(url: str) -> Iterator[None]:
    server = PagesServer(("127.0.0.1", int(url.rsplit(":", 1)[1])))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False
