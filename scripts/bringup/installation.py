"""One installation of the whole platform: configured, started, watched, stopped, erased."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from scripts.bringup.code import fingerprint_code
from scripts.bringup.engines import FRAPPE, TRYTON, pin_sources
from scripts.bringup.errors import UpError
from scripts.bringup.files import write_edge, write_environments, write_programs, write_redis
from scripts.bringup.health import accepts_tcp, answers_http, read_tail, wait_until
from scripts.bringup.journal import Journal
from scripts.bringup.ports import choose_ports
from scripts.bringup.product import Product
from scripts.bringup.programs import Program, list_urls
from scripts.bringup.state import OWNED, ROOT, Paths, Record, load_record, save_record
from scripts.bringup.supervisor import RUNNING, Supervisor

READY_SECONDS = 120.0
TCP_PROGRAMS = ("redis",)


@dataclass
class Installation:
    """One installation: its folders, what it remembers, and its supervisor."""

    paths: Paths
    journal: Journal
    record: Record = field(default_factory=Record)

    def __post_init__(self) -> None:
        self.record = load_record(self.paths)
        self.supervisor = Supervisor(self.paths)

    @property
    def product(self) -> Product:
        return Product(self.paths, self.record.urls, self.record.sources)

    @property
    def engine(self) -> str:
        return self.record.engine or TRYTON

    def choose(self, engine: str | None, sources: Sequence[str]) -> None:
        """Settle which ERP this installation has. Raises UpError when it has another."""
        if self.record.done.get("bench") or engine is None:
            if engine not in {None, self.engine}:
                message = f"this installation runs {self.engine}; nothing was changed. Choose another folder with --state."
                raise UpError(message)
            return
        self.record.engine = engine
        self.record.sources = pin_sources(sources) if engine == FRAPPE else []
        self.remember()

    def remember(self) -> None:
        save_record(self.paths, self.record)

    def configure(self, asked: Mapping[str, int]) -> "Changes":
        """Ports, secrets and every file that the programs read."""
        self.paths.make()
        code = fingerprint_code(ROOT)
        running = self.supervisor.is_running()
        left = self.supervisor.clear()
        if left:
            self.journal.note(f"ended {left} programs that a killed supervisor had left behind")
        self.record.ports = self._keep_ports(asked) if running else choose_ports(self.record.ports, asked)
        self.record.urls = list_urls(self.record.ports)
        self.remember()
        return Changes(
            is_running=running,
            code=code,
            is_new=code != self.record.code,
            redis=write_redis(self.paths, self.record.ports),
            edge=write_edge(self.paths, self.record.ports),
            env_files=write_environments(self.paths, self.record.ports, self.engine),
            programs=write_programs(self.paths, self.record.ports, self.engine),
        )

    def _keep_ports(self, asked: Mapping[str, int]) -> dict[str, int]:
        other = {name: port for name, port in asked.items() if self.record.ports.get(name) != port}
        if other:
            names = ", ".join(f"{name} on {self.record.ports.get(name)}" for name in other)
            raise UpError(f"the platform runs already with {names}; stop it with --down, then choose ports.")
        return self.record.ports

    def start(self, changes: "Changes") -> list[str]:
        """Start what does not run and restart what changed; the names of what was touched.

        Supervisor and its programs run the code that it has loaded; when there is another, all of them start anew.
        """
        if changes.is_running and self.supervisor.read_code() != changes.code:
            self.journal.note("the code has changed, so everything is started anew")
            self.supervisor.stop()
            changes = replace(changes, is_running=False)
        if not changes.is_running:
            self.supervisor.start(changes.code)
            return [program.name for program in changes.programs]
        self.supervisor.apply()
        touched = [program.name for program in changes.programs if changes.touches(program)]
        for name in touched:
            self.supervisor.restart(name)
        return [*touched, *self.supervisor.revive()]

    def wait_ready(self, programs: list[Program]) -> None:
        """Until each program answers. Raises UpError with the last lines of the log of the one that does not."""
        for program in programs:
            if not wait_until(partial(self.is_ready, program), seconds=READY_SECONDS):
                log = self.paths.log / f"{program.name}.log"
                message = f"{program.name} did not start within {READY_SECONDS:.0f} s; its log is {log}."
                raise UpError(message, log=read_tail(log))

    def is_ready(self, program: Program) -> bool:
        if program.health:
            return answers_http(program.health)
        if program.name in TCP_PROGRAMS:
            return accepts_tcp(self.record.ports[program.name])
        return any(p.name == program.name and p.state == RUNNING for p in self.supervisor.list_programs())

    def describe(self) -> dict[str, Any]:
        """What ``--status`` and ``--json`` say."""
        programs = self.supervisor.list_programs()
        return {
            "state_dir": str(self.paths.state),
            "running": bool(programs) and all(program.state == RUNNING for program in programs),
            "programs": [program.__dict__ for program in programs],
            "ports": self.record.ports,
            "urls": self.record.urls,
            "timings": self.record.timings,
            "demo": self.record.demo,
        }

    def stop(self) -> bool:
        """Stop everything; False when nothing ran."""
        if not self.supervisor.is_running():
            return self.supervisor.clear() > 0
        self.supervisor.stop()
        return True

    def erase(self) -> None:
        """Remove everything that an up has made, the tenants' data too. Nothing may run."""
        for name in OWNED:
            shutil.rmtree(self.paths.state / name, ignore_errors=True)
        self.paths.record.unlink(missing_ok=True)
        self.paths.socket.unlink(missing_ok=True)
        self.record = Record()


@dataclass(frozen=True)
class Changes:
    """What is different from the last time."""

    is_running: bool
    code: str
    """Fingerprint of the code that is there now."""
    is_new: bool
    """It is not what databases and accounts were last prepared for."""
    redis: bool
    edge: bool
    env_files: set[str]
    programs: list[Program]

    def touches(self, program: Program) -> bool:
        """Whether a running program has to be started again."""
        by_file = {"redis": self.redis, "edge": self.edge}.get(program.name, False)
        return by_file or program.env_file in self.env_files
