"""Templates of a release: one database for each set of apps, with the setup wizard answered, cloned for new sites."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from agent.engines.door.recipe import digest
from agent.engines.frappe import programs
from agent.engines.frappe.databases import Databases
from agent.engines.frappe.layout import DatabaseRecord
from agent.engines.frappe.releases import Release
from agent.engines.port import Progress, Template
from agent.errors import AgentError
from agent.executors.port import Executor, ProgramSpec
from agent.host import files
from agent.host.locks import file_lock

BUILD_SECONDS = 1800.0
BUILD_MEMORY_BYTES = 2 << 30


class TemplateMissing(AgentError):
    """No template for the apps was made on this bench."""

    code: ClassVar[str] = "template_missing"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "There is no template for these apps"


@dataclass(frozen=True)
class Templates:
    """Makes and finds the templates of any release on this host's database server."""

    databases: Databases
    executor: Executor

    def ensure(
        self, release: Release, app_sets: tuple[tuple[str, ...], ...], progress: Progress
    ) -> tuple[list[Template], bool]:
        """Make what is missing. A template of last year is made anew: it brings the fiscal year of today."""
        made = False
        found: list[Template] = []
        with file_lock(release.templates / ".lock", timeout_seconds=BUILD_SECONDS):
            for apps in app_sets:
                template = self._find(release, apps)
                if template is None:
                    template = self._make(release, apps, progress)
                    made = True
                found.append(template)
        return found, made

    def get_database(self, release: Release, apps: tuple[str, ...]) -> str:
        """Return the database to clone. Raises :class:`TemplateMissing`."""
        note = _find_note(release, apps)
        if note is None:
            raise TemplateMissing(
                f"The bench has no template for {', '.join(apps)}. Nothing was made; deploy the bench with this set of apps."
            )
        return str(json.loads(note.read_text("utf-8"))["database"])

    def _find(self, release: Release, apps: tuple[str, ...]) -> Template | None:
        note = _note(release, apps)
        if not note.exists():
            return None
        known: dict[str, Any] = json.loads(note.read_text("utf-8"))
        record = DatabaseRecord(database=known["database"], password="", key="")
        if known["year"] != datetime.now(tz=UTC).year or not self.databases.stands(record.database):
            return None
        size = self.databases.measure(record)
        return Template(apps=apps, modules=tuple(known["modules"]), size_bytes=size, seconds=0.0)

    def _make(self, release: Release, apps: tuple[str, ...], progress: Progress) -> Template:
        installed = release.expand(apps)
        prefix = _prefix(release, installed)
        progress(f"Making the template of frappe{''.join(f', {app}' for app in installed)}")
        self.databases.drop_all(prefix)
        record = self.databases.make(prefix)
        folder = release.templates / prefix
        files.remove_tree(folder)
        files.make_directory(folder / "sites")
        files.write_atomic(folder / "password", record.password, mode=0o600)
        socket = self.databases.server.socket
        program = ProgramSpec(
            name=f"template-{prefix.replace('_', '-')}",
            argv=programs.make_template(folder, record.database, installed, socket),
            directory=folder,
            environment=programs.environment(folder),
            memory_bytes=BUILD_MEMORY_BYTES,
            image=release.image,
            writable=(folder,),
            readable=(socket.parent,),
        )
        output = self.executor.run_once(program, timeout_seconds=BUILD_SECONDS)
        result: dict[str, Any] = json.loads(output.splitlines()[-1])
        note = asdict(record) | result | {"year": datetime.now(tz=UTC).year}
        del note["password"], note["key"]
        # Nobody logs in to a template any more.
        self.databases.forget_user(record)
        files.write_atomic(_note(release, apps), json.dumps(note))
        files.remove_tree(folder)
        progress(f"The template is ready after {result['seconds']} s")
        return Template(
            apps=apps,
            modules=tuple(result["modules"]),
            size_bytes=self.databases.measure(record),
            seconds=result["seconds"],
        )


def _find_note(release: Release, apps: tuple[str, ...]) -> Path | None:
    """That of this agent, or else the newest that an older one made of the same code: benches outlive agents."""
    wanted = _note(release, apps)
    kind = release.templates.name.rpartition("-")[0]
    older = release.templates.parent.glob(f"{kind}-*/{wanted.name}")
    found = [wanted] if wanted.exists() else sorted(older, key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None


def _note(release: Release, apps: tuple[str, ...]) -> Path:
    return release.templates / f"{'-'.join(('frappe', *release.expand(apps)))}.json"


def _prefix(release: Release, installed: tuple[str, ...]) -> str:
    """Names of databases hold letters, digits and underscores, 64 at most."""
    return f"t{release.templates.name[-12:]}_{digest((), ','.join(installed))[:8]}"
