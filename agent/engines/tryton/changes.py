"""Databases changed by a program of their release: in a private copy, which takes the database's place when it is whole."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.engines.door.layout import refuse_link
from agent.engines.errors import AppNeeded
from agent.engines.tryton import commands, database
from agent.engines.tryton.layout import TrytonFolder
from agent.engines.tryton.release import Release
from agent.engines.tryton.templates import BUILD_MEMORY_BYTES
from agent.executors.port import Executor, ProgramSpec
from agent.host import files

CHANGE_SECONDS = 1800.0


@contextmanager
def copied(folder: TrytonFolder, site_id: str) -> Iterator[Path]:
    """A copy of the site's database for the block, in a folder that a program left by a killed agent does not know."""
    work = folder.work(site_id)
    files.remove_tree(work)
    files.make_directory(work)
    try:
        copy = Path(tempfile.mkdtemp(dir=work)) / "site.sqlite"
        database.copy(folder.database(site_id), copy)
        yield copy
    finally:
        files.remove_tree(work)


def run(
    release: Release,
    executor: Executor,
    site_id: str,
    copy: Path,
    *,
    install: tuple[str, ...] = (),
    remove: tuple[str, ...] = (),
    is_update: bool = False,
) -> int:
    """Change the copy. Returns how many modules it has; raises ``app_needed`` where Tryton refuses, and ``command_failed``."""
    program = ProgramSpec(
        name=f"change-{site_id}",
        argv=commands.change_modules(
            release.python, copy, install=install, remove=remove, is_update=is_update
        ),
        directory=copy.parent,
        environment=release.environment,
        memory_bytes=BUILD_MEMORY_BYTES,
        image=release.image,
        writable=(copy.parent,),
    )
    result = json.loads(executor.run_once(program, timeout_seconds=CHANGE_SECONDS).splitlines()[-1])
    if "refused" in result:
        raise AppNeeded(
            f"Tryton refuses: {result['refused']}. The site has what it had; remove first what needs the app, or keep the app."
        )
    database.settle(refuse_link(copy))
    database.check(copy)
    return len(result["modules"])
