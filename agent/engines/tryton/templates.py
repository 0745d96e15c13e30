"""Templates of a release: one complete database for each set of apps, cloned for new sites."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.engines.errors import TemplateMissing
from agent.engines.port import Progress, Template
from agent.engines.tryton import commands
from agent.engines.tryton.apps import expand, list_modules, name_template
from agent.engines.tryton.release import Release
from agent.executors.port import Executor, ProgramSpec
from agent.host import files
from agent.host.locks import file_lock

BUILD_SECONDS = 600.0
BUILD_MEMORY_BYTES = 2 << 30
"""Importing countries and currencies takes 1.1 GB for a moment."""


def ensure_templates(
    release: Release, executor: Executor, app_sets: tuple[tuple[str, ...], ...], progress: Progress
) -> tuple[list[Template], bool]:
    """Make what is missing, smaller sets first because the larger ones start from them.

    A template of last year is made anew: it brings the fiscal years of this year and the next.
    """
    made = False
    found: dict[str, Template] = {}
    with file_lock(release.templates / ".lock", timeout_seconds=BUILD_SECONDS):
        for apps in sorted({expand(apps) for apps in app_sets}, key=len):
            template = _find(release, apps)
            if template is None:
                template = _make(release, executor, apps, progress)
                made = True
            found[name_template(apps)] = template
    return [found[name_template(apps)] for apps in app_sets], made


def get_template(release: Release, apps: tuple[str, ...]) -> Path:
    """Return the file to clone. Raises :class:`TemplateMissing`."""
    path = _database(release, apps)
    if not path.exists():
        raise TemplateMissing(
            f"The bench has no template for {', '.join(expand(apps))}. Nothing was made; deploy the bench with this set of apps."
        )
    return path


def _find(release: Release, apps: tuple[str, ...]) -> Template | None:
    note = _note(release, apps)
    if not note.exists() or not _database(release, apps).exists():
        return None
    known: dict[str, Any] = json.loads(note.read_text("utf-8"))
    if known["year"] != _this_year():
        return None
    size = _database(release, apps).stat().st_size
    return Template(apps=apps, modules=tuple(known["modules"]), size_bytes=size, seconds=0.0)


def _make(release: Release, executor: Executor, apps: tuple[str, ...], progress: Progress) -> Template:
    destination = _database(release, apps)
    source = _find_start(release, apps)
    progress(f"Making the template {destination.stem}" + (f" from {source.stem}" if source else ""))
    program = ProgramSpec(
        name=f"template-{destination.stem}",
        argv=commands.make_template(release.python, list_modules(apps), destination, source),
        directory=release.templates,
        environment=release.environment,
        memory_bytes=BUILD_MEMORY_BYTES,
        image=release.image,
        writable=(release.templates,),
    )
    output = executor.run_once(program, timeout_seconds=BUILD_SECONDS)
    result: dict[str, Any] = json.loads(output.splitlines()[-1])
    note = {"modules": result["modules"], "seconds": result["seconds"], "year": _this_year()}
    files.write_atomic(_note(release, apps), json.dumps(note))
    progress(f"The template {destination.stem} is ready after {result['seconds']} s")
    return Template(
        apps=apps,
        modules=tuple(result["modules"]),
        size_bytes=result["size_bytes"],
        seconds=result["seconds"],
    )


def _find_start(release: Release, apps: tuple[str, ...]) -> Path | None:
    """Return the largest template of this year that holds nothing but what is wanted."""
    notes = release.templates.glob("*.json")
    parts = [tuple(note.stem.split("-")) for note in notes]
    fitting = [part for part in parts if set(part) < set(apps) and _find(release, part) is not None]
    return _database(release, max(fitting, key=len)) if fitting else None


def _database(release: Release, apps: tuple[str, ...]) -> Path:
    return release.templates / f"{name_template(apps)}.sqlite"


def _note(release: Release, apps: tuple[str, ...]) -> Path:
    return release.templates / f"{name_template(apps)}.json"


def _this_year() -> int:
    return datetime.now(tz=UTC).year
