"""The engines of this host, made when first needed, and which of them runs a bench."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from agent.engines.errors import BenchUnknown, EngineUnknown
from agent.engines.port import Engine
from agent.host import files


@dataclass(frozen=True, kw_only=True)
class BenchRecord:
    """What the agent itself remembers of a bench: its engine, and the modules behind each set of apps."""

    bench_id: str
    engine: str
    modules: Mapping[str, list[str]]
    """``"base,crm"`` → the engine's own modules."""

    @staticmethod
    def key(apps: tuple[str, ...]) -> str:
        return ",".join(sorted(apps))


class Engines:
    """Finds the engine for a name or a bench."""

    def __init__(self, factories: Mapping[str, Callable[[], Engine]], records_dir: Path) -> None:
        self._factories = dict(factories)
        self._made: dict[str, Engine] = {}
        self._folder = records_dir

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._factories)

    def get(self, name: str) -> Engine:
        """Return the engine. Raises :class:`EngineUnknown`."""
        if name not in self._factories:
            raise EngineUnknown(
                f"The engine {name!r} is not offered here (offered: {', '.join(self.names) or 'none'}); nothing was "
                "touched. Choose another server or set PRESS_AGENT_ENGINES."
            )
        if name not in self._made:
            self._made[name] = self._factories[name]()
        return self._made[name]

    def list_all(self) -> list[Engine]:
        return [self.get(name) for name in self.names]

    def get_for_bench(self, bench_id: str) -> Engine:
        """Return the engine that runs the bench. Raises :class:`BenchUnknown`."""
        record = self.find_record(bench_id)
        if record is not None:
            return self.get(record.engine)
        for engine in self.list_all():
            if engine.find_bench(bench_id) is not None:
                return engine
        raise BenchUnknown(f"Bench {bench_id} is not on this host; nothing was touched. Deploy it first.")

    def find_record(self, bench_id: str) -> BenchRecord | None:
        try:
            return BenchRecord(**json.loads(self._path(bench_id).read_text("utf-8")))
        except FileNotFoundError:
            return None

    def remember(self, record: BenchRecord) -> bool:
        """Store what is known of a bench. Returns whether it was news."""
        if self.find_record(record.bench_id) == record:
            return False
        files.make_directory(self._folder)
        files.write_atomic(self._path(record.bench_id), json.dumps(asdict(record)))
        return True

    def forget(self, bench_id: str) -> bool:
        return files.remove_tree(self._path(bench_id))

    def _path(self, bench_id: str) -> Path:
        return self._folder / f"{bench_id}.json"
