"""Benches of the Tryton engine: programs of a release under the executor."""

import json
import time
from dataclasses import asdict

from agent.config import Settings
from agent.engines.errors import BenchNotHealthy
from agent.engines.port import Bench, BenchSpec, BenchStatus, Progress, Template
from agent.engines.tryton import commands, site_files, templates
from agent.engines.tryton.control import PATIENCE_SECONDS, BenchControl
from agent.engines.tryton.layout import BenchFolder, check_name
from agent.engines.tryton.release import Release, Releases
from agent.errors import AgentError
from agent.executors import remembered
from agent.executors.port import Executor, ProgramSpec, ProgramStatus
from agent.host import files
from agent.host.locks import file_lock
from agent.host.ports import find_free_port

START_SECONDS = 60.0
PORT_LOCK_SECONDS = 30.0
RETRY_SECONDS = 0.02
MAX_DATABASES = 500
PORTS = ("port", "control_port")
"""The public door and the agent's."""
STATUSES = {
    ProgramStatus.RUNNING: BenchStatus.RUNNING,
    ProgramStatus.STARTING: BenchStatus.RUNNING,
    ProgramStatus.STOPPED: BenchStatus.STOPPED,
}


class TrytonBenches:
    """Everything about benches; sites come on top in :class:`agent.engines.tryton.engine.TrytonEngine`."""

    name = "tryton"

    def __init__(
        self,
        settings: Settings,
        executor: Executor,
        releases: Releases,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        start_seconds: float = START_SECONDS,
    ) -> None:
        self._patience = patience_seconds
        self._start_seconds = start_seconds
        self._executor = executor
        self._releases = releases
        self._folder = settings.data_dir.resolve() / "benches" / self.name
        self._port_start = settings.bench_port_start

    def ensure_release(self, bench: BenchSpec, progress: Progress) -> bool:
        """Install the release's programs on the host (own virtual environment, web client)."""
        return self._releases.ensure(bench, progress)

    def ensure_templates(self, bench: BenchSpec, progress: Progress) -> tuple[list[Template], bool]:
        """Make a ready template for each app set."""
        return templates.ensure_templates(
            self._releases.get(bench.version), self._executor, bench.app_sets, progress
        )

    def ensure_bench_started(self, bench: BenchSpec) -> bool:
        """Run the bench under the executor and wait until it answers.

        Raises ``bench_not_healthy`` and what the executor raises; what ran before runs again then.
        """
        folder = self._bench_folder(bench.bench_id)
        folder.make()
        note = folder.note.read_text("utf-8") if folder.note.exists() else ""
        program = self._make_program(folder, bench, self._ensure_note(folder, bench))
        before = remembered.recall(folder.program)
        try:
            changed = self._executor.ensure_running(program)
            self._wait_until_ready(folder, self._start_seconds)
        except AgentError as error:
            if before is not None and before != program:
                error.message = f"{error.message}\n{self._go_back(folder, before, note)}"
            raise
        remembered.remember(folder.program, program)
        return changed

    def _go_back(self, folder: BenchFolder, before: ProgramSpec, note: str) -> str:
        """Run what ran before, and say so."""
        if note:
            files.write_atomic(folder.note, note)
        try:
            self._executor.ensure_running(before)
            self._wait_until_ready(folder, START_SECONDS)
        except AgentError as error:
            return f"What ran on the bench before does not come up either: {error.message}"
        return "What ran on the bench before runs again, and its sites answer."

    def ensure_bench_stopped(self, bench_id: str) -> bool:
        """Stop the bench and remove it from the executor. Sites' data stay; a bench without sites goes as a whole."""
        removed = self._executor.ensure_removed(_name_program(bench_id))
        folder = self._bench_folder(bench_id)
        if not site_files.list_ids(folder):
            files.remove_tree(folder.path)
        return removed

    def find_bench(self, bench_id: str) -> Bench | None:
        folder = self._bench_folder(bench_id)
        if not folder.note.exists():
            return None
        note = folder.read()
        status = self._executor.find_status(_name_program(bench_id))
        return Bench(
            bench_id=bench_id,
            release=note["release"],
            status=BenchStatus.STOPPED if status is None else STATUSES.get(status, BenchStatus.FAILED),
            url=f"http://127.0.0.1:{note['port']}",
            memory_bytes=self._executor.measure_memory(_name_program(bench_id)),
        )

    def list_benches(self) -> list[Bench]:
        names = sorted(path.parent.name for path in self._folder.glob("*/bench.json"))
        return [bench for name in names if (bench := self.find_bench(name)) is not None]

    def read_bench_log(self, bench_id: str, max_bytes: int) -> str:
        """The end of what its program printed. Raises ``bench_unknown``."""
        self._bench_folder(bench_id).read()
        return self._executor.read_log(_name_program(bench_id), max_bytes)

    def _ensure_note(self, folder: BenchFolder, bench: BenchSpec) -> dict[str, int]:
        """Write down what the bench is; its ports stay the same for its whole life."""
        with file_lock(self._folder / ".ports.lock", timeout_seconds=PORT_LOCK_SECONDS):
            notes = [json.loads(note.read_text("utf-8")) for note in self._folder.glob("*/bench.json")]
            taken = {note[name] for note in notes for name in PORTS if name in note}
            known = folder.read() if folder.note.exists() else {}
            ports: dict[str, int] = {}
            for name in PORTS:
                ports[name] = known.get(name) or find_free_port(self._port_start, avoid=taken)
                taken.add(ports[name])
            text = json.dumps(asdict(bench) | ports)
            if not folder.note.exists() or folder.note.read_text("utf-8") != text:
                files.write_atomic(folder.note, text)
        return ports

    def _make_program(self, folder: BenchFolder, bench: BenchSpec, ports: dict[str, int]) -> ProgramSpec:
        release = self._releases.get(bench.version)
        serving = commands.Serving(
            venv_python=release.python,
            directory=folder.path,
            web_root=release.web_root,
            templates=release.templates,
            port=ports["port"],
            control_port=ports["control_port"],
            is_contained=bool(release.image),
            # What the limit counts (private memory, mapped or not) grows before what is resident does.
            memory_mb=bench.memory_bytes // 2 >> 20,
            max_databases=MAX_DATABASES,
            num_proxies=1,
        )
        return ProgramSpec(
            name=_name_program(bench.bench_id),
            argv=commands.serve(serving),
            directory=folder.path,
            environment=release.environment,
            memory_bytes=bench.memory_bytes,
            image=release.image,
            writable=folder.shared,
            readable=(release.templates,),
            ports=tuple(ports.values()),
        )

    def _wait_until_ready(self, folder: BenchFolder, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            health = self._control(folder).find_health()
            if health is not None and health["ready"]:
                return
            if time.monotonic() >= deadline:
                log = self._executor.read_log(_name_program(folder.path.name))
                raise BenchNotHealthy(
                    f"Bench {folder.path.name} did not answer within {seconds:.0f} s; its sites are down, their data "
                    f"untouched. Read what it said, mend it and repeat the job:\n{log}"
                )
            time.sleep(RETRY_SECONDS)

    def _is_up(self, bench_id: str) -> bool:
        status = self._executor.find_status(_name_program(bench_id))
        return status in {ProgramStatus.RUNNING, ProgramStatus.STARTING}

    def _control(self, folder: BenchFolder) -> BenchControl:
        return BenchControl(folder.control, patience_seconds=self._patience)

    def _get_release(self, folder: BenchFolder) -> Release:
        return self._releases.get(folder.read()["version"])

    def _bench_folder(self, bench_id: str) -> BenchFolder:
        return BenchFolder(self._folder / check_name(bench_id))


def _name_program(bench_id: str) -> str:
    return f"bench-{bench_id}"
