"""A whole agent as real processes: benches, API, workers, over the fake engine."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import redis
import requests
from joserfc.jwk import OKPKey

from agent.config import Settings
from agent.credentials.enrolment import Identity
from tests.agent.control_plane import ControlPlane, serving
from tests.agent.support import benches, free_port, running, wait_until

CLI = (sys.executable, "-m", "agent.cli")
PASSWORD = "correct horse battery"  # a site owner's


class RunningAgent:
    """Starts and kills the agent's programs one by one."""

    def __init__(
        self, folder: Path, redis_url: str, plane: ControlPlane, stack: ExitStack, options: Mapping[str, Any]
    ) -> None:
        self.plane = plane
        self.folder = folder
        self.log = folder / "agent.log"
        self._stack = stack
        usual = {
            "port": free_port(),
            "data_dir": folder / "agent",
            "redis_url": redis_url,
            "backup_store": f"folder:{folder / 'backups'}",
            "engines": "fake",
            "bench_port_start": free_port(),
            "min_disk_free_bytes": 0,
        }
        self.settings = Settings.model_validate({**usual, **options})
        self.bench_id = str(uuid.uuid4())

    @property
    def env(self) -> dict[str, str]:
        options = {
            f"PRESS_AGENT_{key.upper()}": str(value)
            for key, value in self.settings.model_dump().items()
            if value is not None
        }
        return {"PATH": os.environ["PATH"], **options}

    def enroll(self) -> dict[str, Any]:
        text = self.plane.enrolment().model_dump_json()
        done = subprocess.run(
            (*CLI, "enroll"), input=text, env=self.env, capture_output=True, text=True, check=True
        )
        answer: dict[str, Any] = json.loads(done.stdout)
        self.plane.agent_key = OKPKey.import_key(answer["public_key"])
        self.plane.agent_url = answer["url"]
        return answer

    def start_benches(self) -> None:
        self._stack.enter_context(benches(self.settings.data_dir))

    def start_api(self) -> subprocess.Popen[bytes]:
        process = self._start("run", "api")
        wait_until(self._answers, what=f"the API does not answer: {self.read_log()}")
        return process

    def start_worker(self, number: int = 0) -> subprocess.Popen[bytes]:
        return self._start("run", "worker", "--number", str(number))

    def flush_redis(self) -> None:
        with redis.Redis.from_url(self.settings.redis_url) as client:
            client.flushdb()

    def read_log(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def identity(self) -> Identity:
        return Identity(self.settings.data_dir)

    def trouble(self, moment: str) -> Path:
        """The file that makes the fake engine fail or hang at a moment."""
        folder = self.settings.data_dir / "fake" / "trouble"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / moment

    # Jobs
    def deploy(self, bench_id: str = "") -> dict[str, Any]:
        bench_id = bench_id or self.bench_id
        params = {
            "bench_id": bench_id,
            "engine": "fake",
            "release": {"name": "fake-1", "version": "1.0.0"},
            "app_sets": [["base"], ["base", "crm"]],
            "memory_bytes": 400 << 20,
        }
        return self.plane.do("deploy_bench", f"bench:{bench_id}", params)

    def site_params(self, site_id: str, **more: Any) -> dict[str, Any]:
        return {"bench_id": self.bench_id, "site_id": site_id, **more}

    def create_params(self, site_id: str) -> dict[str, Any]:
        ref = f"secret://site/{site_id}/admin-password"
        self.plane.secrets[ref] = PASSWORD
        admin = {"login": "owner", "email": "owner@example.com", "password": ref}
        return self.site_params(
            site_id, hostname=f"{site_id}.localhost", apps=["base"], admin=admin, company={"name": "Acme"}
        )

    def ask_site(
        self,
        site_id: str,
        path: str = "/records",
        method: str = "GET",
        text: str = "",
        bench_id: str = "",
    ) -> requests.Response:
        """Ask the bench for the site, as its owner."""
        state = self.plane.get("/v1/state", "state.read").json()
        url = next(bench["url"] for bench in state["benches"] if bench["id"] == (bench_id or self.bench_id))
        headers = {"Host": f"{site_id}.localhost"}
        return requests.request(
            method, url + path, data=text, headers=headers, auth=("owner", PASSWORD), timeout=10
        )

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return self._stack.enter_context(running((*CLI, *arguments), self.log, self.env))

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.plane.agent_url}/health", timeout=2).ok
        except requests.RequestException:
            return False


@contextmanager
def running_agent(
    folder: Path, redis_url: str, *, start_api: bool = True, **options: Any
) -> Iterator[RunningAgent]:
    """An enrolled agent whose benches' supervisor and API run; workers are started by the test. ``options`` are settings."""
    with ExitStack() as stack:
        plane = stack.enter_context(serving(ControlPlane()))
        agent = RunningAgent(folder, redis_url, plane, stack, options)
        agent.enroll()
        agent.start_benches()
        if start_api:
            agent.start_api()
        yield agent
