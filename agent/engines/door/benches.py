"""Benches under the executor: started, waited for, gone back to what ran before, told apart."""

import json
import time
from abc import ABC, abstractmethod
from dataclasses import asdict
from pathlib import Path
from typing import Generic, TypeVar

from agent.config import Settings
from agent.engines.door import site_files
from agent.engines.door.control import PATIENCE_SECONDS, BenchControl
from agent.engines.door.layout import BenchFolder, check_name
from agent.engines.errors import BenchNotHealthy
from agent.engines.port import Bench, BenchSpec, BenchStatus
from agent.errors import AgentError
from agent.executors import remembered
from agent.executors.port import Executor, ProgramSpec, ProgramStatus
from agent.host import files
from agent.host.locks import file_lock
from agent.host.ports import find_free_port

START_SECONDS = 60.0
PORT_LOCK_SECONDS = 30.0
RETRY_SECONDS = 0.02
PORTS = ("port", "control_port")
"""The public door and the agent's."""
STATUSES = {
    ProgramStatus.RUNNING: BenchStatus.RUNNING,
    ProgramStatus.STARTING: BenchStatus.RUNNING,
    ProgramStatus.STOPPED: BenchStatus.STOPPED,
}


Folder = TypeVar("Folder", bound=BenchFolder)


class DoorBenches(ABC, Generic[Folder]):
    """Everything about benches; sites come on top in :class:`agent.engines.door.engine.DoorEngine`."""

    name: str

    def __init__(
        self,
        settings: Settings,
        executor: Executor,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        start_seconds: float = START_SECONDS,
    ) -> None:
        self._patience = patience_seconds
        self._start_seconds = start_seconds
        self._executor = executor
        self._folder = settings.data_dir.resolve() / "benches" / self.name
        self._port_start = settings.bench_port_start

    @abstractmethod
    def _open_folder(self, path: Path) -> Folder:
        """Return the engine's own layout of a bench's folder."""

    @abstractmethod
    def _make_program(self, folder: Folder, bench: BenchSpec, ports: dict[str, int]) -> ProgramSpec:
        """Return what runs the bench, with its two ports (``port`` for people, ``control_port`` for the agent)."""

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

    def _go_back(self, folder: Folder, before: ProgramSpec, note: str) -> str:
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
        removed = self._executor.ensure_removed(name_program(bench_id))
        folder = self._bench_folder(bench_id)
        if not site_files.list_ids(folder):
            files.remove_tree(folder.path)
        return removed

    def find_bench(self, bench_id: str) -> Bench | None:
        folder = self._bench_folder(bench_id)
        if not folder.note.exists():
            return None
        note = folder.read()
        sample = self._executor.measure(name_program(bench_id))
        status = self._executor.find_status(name_program(bench_id))
        return Bench(
            bench_id=bench_id,
            release=note["release"],
            status=BenchStatus.STOPPED if status is None else STATUSES.get(status, BenchStatus.FAILED),
            url=f"http://127.0.0.1:{note['port']}",
            memory_bytes=sample.memory_bytes,
            memory_limit_bytes=note["memory_bytes"],
            processor_seconds=sample.processor_seconds,
            processes=sample.processes,
        )

    def list_benches(self) -> list[Bench]:
        names = sorted(path.parent.name for path in self._folder.glob("*/bench.json"))
        return [bench for name in names if (bench := self.find_bench(name)) is not None]

    def read_bench_log(self, bench_id: str, max_bytes: int) -> str:
        """The end of what its program printed. Raises ``bench_unknown``."""
        self._bench_folder(bench_id).read()
        return self._executor.read_log(name_program(bench_id), max_bytes)

    def _ensure_note(self, folder: Folder, bench: BenchSpec) -> dict[str, int]:
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

    def _wait_until_ready(self, folder: Folder, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            health = self._control(folder).find_health()
            if health is not None and health["ready"]:
                return
            if time.monotonic() >= deadline:
                log = self._executor.read_log(name_program(folder.path.name))
                raise BenchNotHealthy(
                    f"Bench {folder.path.name} did not answer within {seconds:.0f} s; its sites are down, their data "
                    f"untouched. Read what it said, mend it and repeat the job:\n{log}"
                )
            time.sleep(RETRY_SECONDS)

    def _is_up(self, bench_id: str) -> bool:
        status = self._executor.find_status(name_program(bench_id))
        return status in {ProgramStatus.RUNNING, ProgramStatus.STARTING}

    def _control(self, folder: BenchFolder) -> BenchControl:
        port = folder.read()["control_port"]
        return BenchControl(folder.control, port=port, patience_seconds=self._patience)

    def _bench_folder(self, bench_id: str) -> Folder:
        return self._open_folder(self._folder / check_name(bench_id))


def name_program(bench_id: str) -> str:
    return f"bench-{bench_id}"
