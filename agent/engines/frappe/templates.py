"""Templates of a release: one database for each set of apps and each home, with the setup wizard answered, cloned for new sites.

A template is made of a blank site, which has the apps and no answers yet; that one is made once and kept for the next home.
"""

import json
import re
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from agent.engines.door.recipe import digest
from agent.engines.errors import LocaleUnknown, TemplateMissing
from agent.engines.frappe import programs
from agent.engines.frappe.databases import Databases
from agent.engines.frappe.layout import DatabaseRecord
from agent.engines.frappe.releases import KIND, Release
from agent.engines.port import Locale, Progress, Template
from agent.executors.port import Executor, ProgramSpec
from agent.host import files
from agent.host.locks import file_lock
from agent.host.shell import CommandFailed

BUILD_SECONDS = 1800.0
BUILD_MEMORY_BYTES = 2 << 30
MOST_HOMES = 20
"""Templates kept for one release beside those for the standard home."""
HOME = re.compile(r"frappe.*-[0-9a-f]{12}\.json")
KEPT_CODES = 3
"""Of what no bench here runs: somebody may go back to it."""
UNKNOWN = 5
"""Exit status of the program, see ``images/bench-frappe/bench_frappe/template.py``."""


@dataclass(frozen=True)
class Templates:
    """Makes and finds the templates of any release on this host's database server."""

    databases: Databases
    executor: Executor

    def ensure(
        self, release: Release, apps: tuple[str, ...], locale: Locale, progress: Progress
    ) -> tuple[Template, bool]:
        """Make it where it is missing. Returns it, and whether it was made.

        One of last year is made anew: it brings the fiscal year of today. Raises :class:`LocaleUnknown`.
        """
        found = self._find(release, apps, locale)
        if found is not None:
            return found, False
        with file_lock(release.templates / ".lock", timeout_seconds=BUILD_SECONDS):
            found = self._find(release, apps, locale)
            return (
                (found, False) if found is not None else (self._make(release, apps, locale, progress), True)
            )

    def stands(self, release: Release, apps: tuple[str, ...], locale: Locale) -> bool:
        """Whether there is one that is of today, or that an older agent made."""
        note = _find_note(release, apps, locale)
        if note is None:
            return False
        return note.parent != release.templates or self._find(release, apps, locale) is not None

    def get_database(self, release: Release, apps: tuple[str, ...], locale: Locale) -> str:
        """Return the database to clone. Raises :class:`TemplateMissing`."""
        note = _find_note(release, apps, locale)
        if note is None:
            raise TemplateMissing(
                f"The bench has no template for {', '.join(apps)}. Nothing was made; deploy the bench with this set of apps."
            )
        # So that what is asked for stays when others have to go.
        note.touch()
        return str(json.loads(note.read_text("utf-8"))["database"])

    def _forget_homes(self, release: Release) -> None:
        """Anybody can order a site for any home: those that nobody asked for lately go, so that they cannot fill the disk."""
        homes = [path for path in release.templates.glob("*.json") if HOME.fullmatch(path.name)]
        homes.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for note in homes[MOST_HOMES:]:
            database = str(json.loads(note.read_text("utf-8"))["database"])
            note.unlink()
            self.databases.drop_all(database.rpartition("_")[0])

    def prune(self, folder: Path, used: Collection[str]) -> list[str]:
        """Drop the templates below ``folder`` of all codes that are neither used nor among the newest. Returns what went."""
        kept: dict[str, list[Path]] = {}
        for path in sorted(folder.glob(f"{KIND}-*-*"), key=lambda each: each.stat().st_mtime, reverse=True):
            kept.setdefault(path.name.split("-")[2], []).append(path)
        gone = [code for code in list(kept)[KEPT_CODES:] if code not in used]
        for path in (path for code in gone for path in kept[code]):
            with file_lock(path / ".lock", timeout_seconds=BUILD_SECONDS):
                for note in path.glob("*.json"):
                    database = str(json.loads(note.read_text("utf-8"))["database"])
                    self.databases.drop_all(database.rpartition("_")[0])
                files.remove_tree(path)
        return gone

    def _find(self, release: Release, apps: tuple[str, ...], locale: Locale) -> Template | None:
        note = _note(release, apps, locale)
        if not note.exists():
            return None
        known: dict[str, Any] = json.loads(note.read_text("utf-8"))
        record = DatabaseRecord(database=known["database"], password="", key="")
        if _is_over(known) or not self.databases.stands(record.database):
            return None
        size = self.databases.measure(record)
        return Template(apps=apps, modules=tuple(known["modules"]), size_bytes=size, seconds=0.0)

    def _make(self, release: Release, apps: tuple[str, ...], locale: Locale, progress: Progress) -> Template:
        installed = release.expand(apps)
        blank = self._ensure_blank(release, installed, progress)
        progress(f"Making the template of frappe{_list(installed)} for {locale.country}")
        home = json.dumps(asdict(locale))
        prefix = _prefix("t", release, installed, home)
        self.databases.drop_all(prefix)
        record = self.databases.make(prefix)
        self.databases.copy(blank["database"], record.database)
        argv = programs.make_template(
            release.templates / prefix, record.database, home, release.code, self._socket
        )
        try:
            result = self._run(release, prefix, record, argv)
        except CommandFailed as error:
            self.databases.drop_all(prefix)
            if error.returncode != UNKNOWN:
                raise
            raise LocaleUnknown(
                f"There can be no site for {home} ({error.tail}). Nothing was made; correct the order."
            ) from error
        note = {"database": record.database, "modules": blank["modules"], **result}
        files.write_atomic(_note(release, apps, locale), json.dumps(note))
        self._forget_homes(release)
        progress(f"The template is ready after {result['seconds']} s")
        return Template(
            apps=apps,
            modules=tuple(blank["modules"]),
            size_bytes=self.databases.measure(record),
            seconds=result["seconds"] + blank["seconds"],
        )

    def _ensure_blank(
        self, release: Release, installed: tuple[str, ...], progress: Progress
    ) -> dict[str, Any]:
        known = self._find_blank(release, installed)
        if known:
            return known | {"seconds": 0.0}
        start = self._find_start(release, installed)
        progress(f"Installing frappe{_list(installed)} once, for all templates")
        prefix = _prefix("b", release, installed)
        self.databases.drop_all(prefix)
        record = self.databases.make(prefix)
        if start:
            self.databases.copy(start["database"], record.database)
        folder = release.templates / prefix
        argv = programs.make_blank(folder, record.database, installed, self._socket, grows=bool(start))
        made = {"database": record.database, "apps": installed, **self._run(release, prefix, record, argv)}
        files.write_atomic(_blank_note(release, installed), json.dumps(made))
        progress(f"Installed after {made['seconds']} s")
        return made

    def _find_blank(self, release: Release, installed: tuple[str, ...]) -> dict[str, Any]:
        """What is known of it; empty where it does not stand."""
        note = _blank_note(release, installed)
        known: dict[str, Any] = json.loads(note.read_text("utf-8")) if note.exists() else {}
        return known if known and self.databases.stands(known["database"]) else {}

    def _find_start(self, release: Release, installed: tuple[str, ...]) -> dict[str, Any]:
        """The largest that holds nothing but what is wanted; empty where there is none."""
        notes = release.templates.glob("blank-*.json")
        blanks: list[dict[str, Any]] = [json.loads(note.read_text("utf-8")) for note in notes]
        smaller = [known for known in blanks if {*known["apps"]} < {*installed}]
        smaller.sort(key=lambda known: len(known["apps"]), reverse=True)
        return next((known for known in smaller if self.databases.stands(known["database"])), {})

    def _run(
        self, release: Release, prefix: str, record: DatabaseRecord, argv: tuple[str, ...]
    ) -> dict[str, Any]:
        """Run a program that works on the database from a folder of its own. Returns what it says."""
        folder = release.templates / prefix
        files.remove_tree(folder)
        files.make_directory(folder / "sites")
        files.write_atomic(folder / "password", record.password, mode=0o600)
        program = ProgramSpec(
            name=f"template-{prefix.replace('_', '-')}",
            argv=argv,
            directory=folder,
            environment=programs.environment(folder),
            memory_bytes=BUILD_MEMORY_BYTES,
            image=release.image,
            writable=(folder,),
            readable=(self._socket.parent,),
        )
        output = self.executor.run_once(program, timeout_seconds=BUILD_SECONDS)
        # Nobody logs in to a template any more.
        self.databases.forget_user(record)
        files.remove_tree(folder)
        result: dict[str, Any] = json.loads(output.splitlines()[-1])
        return result

    @property
    def _socket(self) -> Path:
        return self.databases.server.socket


def _is_over(known: dict[str, Any]) -> bool:
    """Whether the fiscal year in it has ended, or a year of the calendar has begun."""
    until = known.get("until") or f"{known['year']}-12-31"
    return date.fromisoformat(until) < datetime.now(tz=UTC).date()


def _find_note(release: Release, apps: tuple[str, ...], locale: Locale) -> Path | None:
    """That of this agent, or else the newest that an older one made of the same code: benches outlive agents."""
    wanted = _note(release, apps, locale)
    kind = release.templates.name.rpartition("-")[0]
    older = release.templates.parent.glob(f"{kind}-*/{wanted.name}")
    found = [wanted] if wanted.exists() else sorted(older, key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None


def _note(release: Release, apps: tuple[str, ...], locale: Locale) -> Path:
    home = "" if locale == Locale() else f"-{digest((), json.dumps(asdict(locale)))[:12]}"
    return release.templates / f"{_name(release.expand(apps))}{home}.json"


def _blank_note(release: Release, installed: tuple[str, ...]) -> Path:
    return release.templates / f"blank-{_name(installed)}.json"


def _name(installed: tuple[str, ...]) -> str:
    return "-".join(("frappe", *installed))


def _list(installed: tuple[str, ...]) -> str:
    return "".join(f", {app}" for app in installed)


def _prefix(kind: str, release: Release, installed: tuple[str, ...], home: str = "") -> str:
    """Names of databases hold letters, digits and underscores, 64 at most."""
    return f"{kind}{release.templates.name[-12:]}_{digest((), ','.join(installed) + home)[:8]}"
