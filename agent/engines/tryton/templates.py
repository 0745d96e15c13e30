"""Templates of a release: one complete database for each set of apps and each home, cloned for new sites.

The standard ones lie in the folder itself, those for another home in a folder below, made from the standard ones.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.engines.errors import LocaleUnknown, TemplateMissing
from agent.engines.port import Locale, Progress, Template
from agent.engines.tryton import commands, database
from agent.engines.tryton.apps import expand, list_modules, name_template
from agent.engines.tryton.release import Release
from agent.executors.port import Executor, ProgramSpec
from agent.host import files
from agent.host.locks import file_lock

BUILD_SECONDS = 600.0
BUILD_MEMORY_BYTES = 2 << 30
"""Importing countries and currencies takes 1.1 GB for a moment."""
STANDARD = Locale()
MOST_HOMES = 20
"""Kept for one release beside the standard one."""
HOME = re.compile(r"[A-Z]{2}-[A-Z]{3}-[A-Za-z-]+-.+")


def get_template(release: Release, apps: tuple[str, ...], locale: Locale = STANDARD) -> Path:
    """Return the file to clone. Raises ``template_missing``."""
    path = _database(release, apps, locale)
    if not path.exists():
        raise TemplateMissing(
            f"The bench has no template for {', '.join(expand(apps))} and {_slug(locale)}. Nothing was made; make it first."
        )
    if locale != STANDARD:
        # So that what is asked for stays when others have to go.
        path.parent.touch()
    return path


def find_made_for(release: Release) -> int:
    """Return what the release writes into the head of a database that is up to date with it; 0 where it writes nothing."""
    found = sorted(release.templates.glob("*.sqlite"))
    return database.read_release(found[0]) if found else 0


@dataclass(frozen=True, kw_only=True)
class TemplateMaker:
    """Makes what is missing in a release's folder."""

    release: Release
    executor: Executor
    progress: Progress

    def ensure_all(
        self, app_sets: tuple[tuple[str, ...], ...], locale: Locale, *, oldest: int | None = None
    ) -> tuple[list[Template], bool]:
        """Make what is missing, smaller sets first because the larger ones start from them.

        A template of last year is made anew: it brings the fiscal years of this year and the next.
        Raises ``app_unknown`` and ``locale_unknown`` before anything is made.
        """
        oldest = oldest or _this_year()
        wanted = sorted({expand(apps) for apps in app_sets}, key=len)
        found: dict[tuple[str, ...], Template] = {}
        made = False
        files.make_directory(self.release.templates)
        with file_lock(self.release.templates / ".lock", timeout_seconds=BUILD_SECONDS):
            self._require_known(locale)
            for apps in wanted:
                for home in dict.fromkeys((STANDARD, locale)):
                    template = _find(self.release, apps, home, oldest)
                    made |= template is None
                    found[apps] = template or self._make(apps, home)
            self._forget_homes()
        return [found[expand(apps)] for apps in app_sets], made

    def ensure_one(self, apps: tuple[str, ...], locale: Locale) -> bool:
        """Make one for a site that waits for it: last year's still has this year in it, and is good enough."""
        oldest = _this_year() - 1
        if _find(self.release, expand(apps), locale, oldest) is not None:
            return False
        return self.ensure_all((apps,), locale, oldest=oldest)[1]

    def _forget_homes(self) -> None:
        """Anybody can order a site for any home: those that nobody asked for lately go, so that they cannot fill the disk."""
        homes = [
            path for path in self.release.templates.iterdir() if path.is_dir() and HOME.fullmatch(path.name)
        ]
        homes.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in homes[MOST_HOMES:]:
            files.remove_tree(path)

    def _require_known(self, locale: Locale) -> None:
        """Ask the release itself, once for each home. Raises ``locale_unknown``."""
        if locale == STANDARD or _folder(self.release, locale).exists():
            return
        unknown = self._run("locale", commands.check_locale(self.release.python, locale))["unknown"]
        if unknown:
            raise LocaleUnknown(
                f"Tryton does not know {', '.join(unknown)}. Nothing was made; name a country, currency, language and time zone "
                "that it has."
            )

    def _make(self, apps: tuple[str, ...], locale: Locale) -> Template:
        destination = _database(self.release, apps, locale)
        files.make_directory(destination.parent)
        is_standard = locale == STANDARD
        source = self._find_start(apps) if is_standard else _database(self.release, apps, STANDARD)
        name = destination.stem if is_standard else f"{destination.stem} for {_slug(locale)}"
        self.progress(f"Making the template {name}" + (f" from {source.stem}" if source else ""))
        python = self.release.python
        result = self._run(
            destination.stem,
            commands.make_template(python, list_modules(apps), destination, source)
            if source is None or is_standard
            else commands.localise_template(python, source, destination, locale),
        )
        year = _this_year() if is_standard else _read(_note(self.release, apps, STANDARD))["year"]
        note = {"modules": result["modules"], "seconds": result["seconds"], "year": year}
        files.write_atomic(_note(self.release, apps, locale), json.dumps(note))
        self.progress(f"The template {name} is ready after {result['seconds']} s")
        return Template(
            apps=apps,
            modules=tuple(result["modules"]),
            size_bytes=result["size_bytes"],
            seconds=result["seconds"],
        )

    def _run(self, name: str, argv: tuple[str, ...]) -> dict[str, Any]:
        program = ProgramSpec(
            name=f"template-{name}",
            argv=argv,
            directory=self.release.templates,
            environment=self.release.environment,
            memory_bytes=BUILD_MEMORY_BYTES,
            image=self.release.image,
            writable=(self.release.templates,),
        )
        output = self.executor.run_once(program, timeout_seconds=BUILD_SECONDS)
        result: dict[str, Any] = json.loads(output.splitlines()[-1])
        return result

    def _find_start(self, apps: tuple[str, ...]) -> Path | None:
        """Return the largest standard template of this year that holds nothing but what is wanted."""
        notes = self.release.templates.glob("*.json")
        parts = [tuple(note.stem.split("-")) for note in notes]
        fitting = [
            part
            for part in parts
            if set(part) < set(apps) and _find(self.release, part, STANDARD, _this_year()) is not None
        ]
        return _database(self.release, max(fitting, key=len), STANDARD) if fitting else None


def _find(release: Release, apps: tuple[str, ...], locale: Locale, oldest: int) -> Template | None:
    note, path = _note(release, apps, locale), _database(release, apps, locale)
    if not note.exists() or not path.exists():
        return None
    known = _read(note)
    if known["year"] < oldest:
        return None
    return Template(apps=apps, modules=tuple(known["modules"]), size_bytes=path.stat().st_size, seconds=0.0)


def _read(note: Path) -> dict[str, Any]:
    known: dict[str, Any] = json.loads(note.read_text("utf-8"))
    return known


def _slug(locale: Locale) -> str:
    zone = locale.time_zone.replace("/", "_")
    return f"{locale.country}-{locale.currency}-{locale.language}-{zone}"


def _folder(release: Release, locale: Locale) -> Path:
    return release.templates if locale == STANDARD else release.templates / _slug(locale)


def _database(release: Release, apps: tuple[str, ...], locale: Locale) -> Path:
    return _folder(release, locale) / f"{name_template(apps)}.sqlite"


def _note(release: Release, apps: tuple[str, ...], locale: Locale) -> Path:
    return _folder(release, locale) / f"{name_template(apps)}.json"


def _this_year() -> int:
    return datetime.now(tz=UTC).year
