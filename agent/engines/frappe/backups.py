"""Backups of a Frappe site: made and read by programs of its image, with the rights of the site and no others."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.engines.errors import BackupUnreadable, SiteDataUnreadable
from agent.engines.frappe import programs
from agent.engines.frappe.changes import SERVER_AWAY
from agent.engines.frappe.layout import FrappeFolder
from agent.errors import AgentError
from agent.executors.port import Executor, ProgramSpec
from agent.host import files
from agent.host.mariadb import DatabaseUnreachable
from agent.host.shell import CommandFailed

SECONDS = 1800.0
MEMORY_BYTES = 512 << 20
UNREADABLE, BROKEN = 3, 4
"""Exit statuses of the programs, see ``images/bench-frappe/bench_frappe``."""


@dataclass(frozen=True, kw_only=True)
class BackupPrograms:
    """What runs them for one bench."""

    executor: Executor
    image: str
    socket: Path

    def write(self, folder: FrappeFolder, site_id: str, destination: Path) -> None:
        """Write all of a site into one file. Raises ``site_data_unreadable`` and ``command_failed``."""
        work = folder.transfer / site_id
        files.remove_tree(work)
        files.make_directory(work, 0o700)
        try:
            self._run(
                f"backup-{site_id}",
                programs.write_backup(folder.sites, site_id, work / "backup"),
                folder,
                writable=(work,),
                readable=(folder.sites, self.socket.parent),
            )
            files.copy_durably(work / "backup", destination)
        except CommandFailed as error:
            if error.returncode != UNREADABLE:
                raise _explain(error) from error
            raise SiteDataUnreadable(
                f"The site's data cannot be read ({_last(error)}). They were left as they are; restore the site from a backup."
            ) from error
        finally:
            files.remove_tree(work)

    def check(self, folder: FrappeFolder, site_id: str, source: Path) -> dict[str, Any]:
        """Read the whole file. Returns its manifest. Raises ``backup_unreadable``."""
        command = programs.check_backup(source)
        try:
            output = self._run(f"check-{site_id}", command, folder, writable=(), readable=(source.parent,))
        except CommandFailed as error:
            raise _explain(error) from error
        manifest: dict[str, Any] = json.loads(output.splitlines()[-1])
        return manifest

    def load(self, folder: FrappeFolder, site_id: str, source: Path, work: Path) -> None:
        """Load the dump into the database that ``work``'s own site names, and the files into ``work/files``."""
        command = programs.load_backup(source, work / "sites", site_id, work / "files")
        try:
            self._run(
                f"restore-{site_id}",
                command,
                folder,
                writable=(work,),
                readable=(source.parent, self.socket.parent),
            )
        except CommandFailed as error:
            raise _explain(error) from error

    def _run(
        self,
        name: str,
        argv: tuple[str, ...],
        folder: FrappeFolder,
        *,
        writable: tuple[Path, ...],
        readable: tuple[Path, ...],
    ) -> str:
        program = ProgramSpec(
            name=name,
            argv=argv,
            directory=folder.path,
            environment=programs.environment(folder.path),
            memory_bytes=MEMORY_BYTES,
            image=self.image,
            writable=writable,
            readable=readable,
        )
        return self.executor.run_once(program, timeout_seconds=SECONDS)


def _explain(error: CommandFailed) -> AgentError:
    if any(words in error.tail for words in SERVER_AWAY):
        return DatabaseUnreachable(
            f"The database server went away meanwhile ({_last(error)}). The site was not touched; the job goes on when it is back."
        )
    if error.returncode != BROKEN:
        return error
    return BackupUnreadable(
        f"The file is no whole backup of a Frappe site ({_last(error)}). The site was not touched; take another backup."
    )


def _last(error: CommandFailed) -> str:
    return error.tail.splitlines()[-1] if error.tail else "no reason was given"
