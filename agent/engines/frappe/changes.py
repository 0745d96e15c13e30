"""Changes of a site's apps and of its release: made by programs of the bench's image, with nobody else at work on the site."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from agent.engines.errors import AppNeeded, AppUnknown
from agent.engines.frappe import programs
from agent.engines.frappe.layout import FrappeFolder
from agent.engines.port import Progress
from agent.errors import AgentError
from agent.executors.port import Executor, ProgramSpec
from agent.host.mariadb import DatabaseUnreachable
from agent.host.shell import CommandFailed

SECONDS = 1800.0
MEMORY_BYTES = 1 << 30
"""Migrating ERPNext takes 330 MB; apps of others may want more."""
UNKNOWN, NEEDED = 5, 6
"""Exit statuses of the programs, see ``images/bench-frappe/bench_frappe``."""
SERVER_AWAY = ("Lost connection", "Can't connect", "gone away", "Server shutdown")
"""What MariaDB's clients say when the server dies under them."""
NO_PROGRAM = "No module named bench_frappe."
SHOWN_LINES = 40


class BenchOutdated(AgentError):
    """The bench's image was built before its program could do this."""

    code: ClassVar[str] = "bench_outdated"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "The bench has to be deployed again"


@dataclass(frozen=True, kw_only=True)
class ChangePrograms:
    """What runs them for one bench."""

    executor: Executor
    image: str
    socket: Path

    def change_apps(
        self, folder: FrappeFolder, site_id: str, wanted: tuple[str, ...], progress: Progress
    ) -> None:
        """Bring a closed site to these apps. Raises ``app_unknown``, ``app_needed``, ``command_failed``."""
        self._run(f"apps-{site_id}", programs.change_apps(folder.sites, site_id, wanted), folder, progress)

    def migrate(self, folder: FrappeFolder, site_id: str, code: str, progress: Progress) -> None:
        """Bring a closed site's data to the image's code. Raises ``app_unknown``, ``command_failed``."""
        self._run(f"migrate-{site_id}", programs.migrate(folder.sites, site_id, code), folder, progress)

    def _run(self, name: str, argv: tuple[str, ...], folder: FrappeFolder, progress: Progress) -> None:
        program = ProgramSpec(
            name=name,
            argv=argv,
            directory=folder.path,
            environment=programs.environment(folder.path),
            memory_bytes=MEMORY_BYTES,
            image=self.image,
            writable=(folder.sites, folder.path / "logs", folder.path / "config"),
            readable=(self.socket.parent,),
        )
        try:
            output = self.executor.run_once(program, timeout_seconds=SECONDS)
        except CommandFailed as error:
            raise explain(error) from error
        for line in output.splitlines()[-SHOWN_LINES:]:
            progress(line)


def explain(error: CommandFailed) -> AgentError:
    """What a program's end means. The site is as far changed as the program came, and closed."""
    last = error.tail.splitlines()[-1] if error.tail else "no reason was given"
    if NO_PROGRAM in error.tail:
        return BenchOutdated(
            "The bench's programs are of an older agent and cannot do this. Nothing was changed; deploy the bench again, which "
            "leaves its sites as they are, and repeat the job."
        )
    if any(words in error.tail for words in SERVER_AWAY):
        return DatabaseUnreachable(
            f"The database server went away meanwhile ({last}). The site stays closed; the job goes on when it is back."
        )
    if error.returncode == UNKNOWN:
        return AppUnknown(
            f"The bench does not fit the site: {last}. Nothing was changed; choose another bench."
        )
    if error.returncode == NEEDED:
        return AppNeeded(
            f"The apps cannot be changed like that: {last}. Nothing was changed; keep it, or remove both."
        )
    return error
