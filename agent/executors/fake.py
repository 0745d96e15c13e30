"""An executor that runs nothing and remembers everything."""

from agent.executors.port import ProgramSpec, ProgramStatus, Sample


class FakeExecutor:
    """Programs as a dictionary; tests change ``statuses`` and ``logs`` to say what happened to them."""

    def __init__(self) -> None:
        self.programs: dict[str, ProgramSpec] = {}
        self.statuses: dict[str, ProgramStatus] = {}
        self.logs: dict[str, str] = {}
        self.calls: list[tuple[str, str]] = []

    def ensure_running(self, program: ProgramSpec) -> bool:
        self.calls.append(("ensure_running", program.name))
        same = self.programs.get(program.name) == program
        if same and self.statuses[program.name] is ProgramStatus.RUNNING:
            return False
        self.programs[program.name] = program
        self.statuses[program.name] = ProgramStatus.RUNNING
        return True

    def run_once(self, program: ProgramSpec, *, timeout_seconds: float) -> str:  # noqa: ARG002
        self.calls.append(("run_once", program.name))
        return self.logs.get(program.name, "")

    def ensure_removed(self, name: str) -> bool:
        self.calls.append(("ensure_removed", name))
        self.statuses.pop(name, None)
        self.logs.pop(name, None)
        return self.programs.pop(name, None) is not None

    def find_status(self, name: str) -> ProgramStatus | None:
        return self.statuses.get(name)

    def measure(self, name: str) -> Sample:
        if self.statuses.get(name) is not ProgramStatus.RUNNING:
            return Sample()
        return Sample(memory_bytes=self.programs[name].memory_bytes // 2, processes=1)

    def read_log(self, name: str, max_bytes: int = 8192) -> str:
        return self.logs.get(name, "")[-max_bytes:]
