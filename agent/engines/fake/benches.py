"""Benches of the fake engine: a tiny program each, under the executor."""

import errno
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import requests

import agent
from agent.engines.errors import BenchNotHealthy, BenchUnknown, TemplateMissing
from agent.engines.fake import bench as program
from agent.engines.fake import site as sites
from agent.engines.fake.catalogue import check_apps, check_locale
from agent.engines.port import Bench, BenchSpec, BenchStatus, Locale, Progress, Template
from agent.errors import AgentError
from agent.executors.port import Executor, ProgramSpec, ProgramStatus
from agent.host import files
from agent.host.locks import file_lock
from agent.host.ports import find_free_port

START_SECONDS = 20.0
STATUSES = {
    ProgramStatus.RUNNING: BenchStatus.RUNNING,
    ProgramStatus.STARTING: BenchStatus.RUNNING,
    ProgramStatus.STOPPED: BenchStatus.STOPPED,
}


class FakeTrouble(AgentError):
    """The failure that was asked for."""

    code: ClassVar[str] = "fake_trouble"


class FakeBenches:
    """Keeps all below one folder. ``<folder>/trouble/<method>.<before|after>`` holds ``fail``, ``once``, ``disk`` or ``hang``."""

    name = "fake"

    def __init__(self, folder: Path, executor: Executor, port_start: int) -> None:
        self._folder = folder.resolve()
        self._executor = executor
        self._port_start = port_start

    def ensure_release(self, bench: BenchSpec, progress: Progress) -> bool:
        self._moment("ensure_release.before")
        folder = self._bench_folder(bench.bench_id)
        made = not (folder / "bench.json").exists()
        files.make_directory(folder / "sites")
        port = (
            find_free_port(self._port_start, avoid=self._taken_ports())
            if made
            else self._read(folder)["port"]
        )
        files.write_atomic(folder / "bench.json", json.dumps(asdict(bench) | {"port": port}))
        progress(f"release {bench.release} {bench.version}")
        self._moment("ensure_release.after")
        return made

    def ensure_templates(self, bench: BenchSpec, progress: Progress) -> tuple[list[Template], bool]:
        self._moment("ensure_templates.before")
        progress(f"{len(bench.app_sets)} templates")
        made = [self._make_template(bench.bench_id, apps, bench.locale) for apps in bench.app_sets]
        templates = [
            Template(apps=apps, modules=tuple(f"fake_{app}" for app in apps), size_bytes=1, seconds=0.0)
            for apps in bench.app_sets
        ]
        self._moment("ensure_templates.after")
        return templates, any(made)

    def ensure_template(
        self, bench_id: str, apps: tuple[str, ...], locale: Locale, progress: Progress
    ) -> bool:
        self._moment("ensure_template.before")
        made = self._make_template(bench_id, apps, locale)
        if made:
            progress(f"{name_template(apps, locale)} is ready")
        self._moment("ensure_template.after")
        return made

    def _make_template(self, bench_id: str, apps: tuple[str, ...], locale: Locale) -> bool:
        """Add one to the bench's list. Returns whether it was not there. Raises ``app_unknown`` and ``locale_unknown``."""
        check_locale(locale)
        name = name_template(apps, locale)
        folder = self._get_folder(bench_id)
        with file_lock(folder / "templates.lock", timeout_seconds=sites.LOCK_SECONDS):
            known = self._list_templates(folder)
            if name in known:
                return False
            files.write_atomic(folder / "templates.json", json.dumps([*known, name]))
        return True

    def _require_template(self, folder: Path, apps: tuple[str, ...], locale: Locale) -> None:
        name = name_template(apps, locale)
        if name not in self._list_templates(folder):
            raise TemplateMissing(f"The bench has no template {name}. Nothing was made; make it first.")

    def _list_templates(self, folder: Path) -> list[str]:
        try:
            known: list[str] = json.loads((folder / "templates.json").read_text("utf-8"))
        except FileNotFoundError:
            return []
        return [name for name in known if isinstance(name, str)]

    def ensure_bench_started(self, bench: BenchSpec) -> bool:
        self._moment("ensure_bench_started.before")
        changed = self._executor.ensure_running(self._program(bench))
        deadline = time.monotonic() + START_SECONDS
        while not self._is_healthy(bench.bench_id):
            if time.monotonic() > deadline:
                log = self._executor.read_log(f"bench-{bench.bench_id}")
                raise BenchNotHealthy(f"The bench does not answer; its sites are down. It said:\n{log}")
            time.sleep(0.02)
        return changed

    def ensure_bench_stopped(self, bench_id: str) -> bool:
        removed = self._executor.ensure_removed(f"bench-{bench_id}")
        folder = self._folder / bench_id
        if folder.exists() and not sites.list_ids(folder):
            files.remove_tree(folder)
        return removed

    def find_bench(self, bench_id: str) -> Bench | None:
        folder = self._folder / bench_id
        if not (folder / "bench.json").exists():
            return None
        spec = self._read(folder)
        sample = self._executor.measure(f"bench-{bench_id}")
        status = self._executor.find_status(f"bench-{bench_id}")
        return Bench(
            bench_id=bench_id,
            release=spec["release"],
            status=BenchStatus.STOPPED if status is None else STATUSES.get(status, BenchStatus.FAILED),
            url=f"http://127.0.0.1:{spec['port']}",
            memory_bytes=sample.memory_bytes,
            memory_limit_bytes=spec["memory_bytes"],
            processor_seconds=sample.processor_seconds,
            processes=sample.processes,
        )

    def list_benches(self) -> list[Bench]:
        names = sorted(path.parent.name for path in self._folder.glob("*/bench.json"))
        return [bench for name in names if (bench := self.find_bench(name)) is not None]

    def read_bench_log(self, bench_id: str, max_bytes: int) -> str:
        self._read(self._folder / bench_id)
        return self._executor.read_log(f"bench-{bench_id}", max_bytes)

    def _moment(self, name: str) -> None:
        """Do what the trouble file of this moment says; a hanging one goes on when the file is gone."""
        trouble = self._folder / "trouble" / name
        if not trouble.exists():
            return
        kind = trouble.read_text("utf-8")
        trouble.with_suffix(".reached").touch()
        if kind == "once":
            trouble.unlink()
        if kind in {"fail", "once"}:
            raise FakeTrouble(f"{name} was told to fail. Nothing more was done.")
        if kind == "disk":
            raise OSError(errno.ENOSPC, "No space left on device", name)
        while trouble.exists():
            time.sleep(0.01)

    def _program(self, bench: BenchSpec) -> ProgramSpec:
        folder = self._bench_folder(bench.bench_id)
        port = str(self._read(folder)["port"])
        return ProgramSpec(
            name=f"bench-{bench.bench_id}",
            argv=(sys.executable, "-m", "agent.engines.fake.bench", str(folder), port),
            directory=folder,
            environment={"PYTHONPATH": str(Path(agent.__file__).parents[1])},
            memory_bytes=bench.memory_bytes,
            stop_seconds=5,
        )

    def _is_healthy(self, bench_id: str) -> bool:
        url = f"http://127.0.0.1:{self._read(self._bench_folder(bench_id))['port']}{program.HEALTH_PATH}"
        try:
            return requests.get(url, timeout=2).ok
        except requests.RequestException:
            return False

    def _taken_ports(self) -> set[int]:
        return {self._read(path.parent)["port"] for path in self._folder.glob("*/bench.json")}

    def _bench_folder(self, bench_id: str) -> Path:
        return self._folder / bench_id

    def _get_folder(self, bench_id: str) -> Path:
        folder = self._bench_folder(bench_id)
        if not (folder / "bench.json").exists():
            raise BenchUnknown(f"Bench {bench_id} is not on this host; nothing was touched. Deploy it first.")
        return folder

    def _read(self, folder: Path) -> dict[str, Any]:
        spec: dict[str, Any] = json.loads((folder / "bench.json").read_text("utf-8"))
        return spec


def name_template(apps: tuple[str, ...], locale: Locale) -> str:
    """``base+crm for DE, EUR, de, Europe/Berlin``. Raises ``app_unknown``."""
    home = f"{locale.country}, {locale.currency}, {locale.language}, {locale.time_zone}"
    return f"{'+'.join(check_apps(apps))} for {home}"
