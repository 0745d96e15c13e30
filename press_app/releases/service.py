"""What can be done with releases."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from press_app.kit.db import ReadSession, Session
from press_app.kit.ids import new_id
from press_app.kit.pagination import Page, PageRequest, read_page
from press_app.releases import rules
from press_app.releases.errors import ReleaseNameTaken, ReleaseUnknown
from press_app.releases.model import Release
from press_app.work.unit_of_work import UnitOfWork


def add_release(
    uow: UnitOfWork,
    *,
    name: str,
    engine: str,
    engine_version: str,
    app_sets: list[list[str]],
    sources: Sequence[dict[str, str]] = (),
    base: str | None = None,
) -> Release:
    """A new release; the same release again is given back. Raises :class:`ReleaseNameTaken` for another content."""
    existing = uow.session.scalar(select(Release).where(Release.name == name))
    if existing is not None:
        known = (existing.engine, existing.engine_version, existing.app_sets, existing.sources, existing.base)
        if known == (engine, engine_version, app_sets, list(sources), base):
            return existing
        message = f"Release {name} exists with other content, and releases never change. Choose a new name."
        raise ReleaseNameTaken(message, name=name)
    release = Release(
        id=new_id(),
        name=name,
        engine=engine,
        engine_version=engine_version,
        app_sets=app_sets,
        sources=list(sources),
        base=base,
        created_at=uow.now(),
    )
    try:
        with uow.session.begin_nested():
            uow.session.add(release)
    except IntegrityError:
        message = f"Release {name} was added at the same moment by somebody else. Nothing was changed. Look at it first."
        raise ReleaseNameTaken(message, name=name) from None
    uow.record(
        "release.added", f"release:{release.id}", f"Release {name} of {engine} {engine_version} was added."
    )
    return release


def get_release(session: Session | ReadSession, release_id: str) -> Release:
    """The release by id or name. Raises :class:`ReleaseUnknown`."""
    release = session.get(Release, release_id) or session.scalar(
        select(Release).where(Release.name == release_id)
    )
    if release is None:
        message = f"There is no release {release_id}."
        raise ReleaseUnknown(message, release_id=release_id)
    return release


def list_releases(session: ReadSession, request: PageRequest) -> Page[Release]:
    return read_page(session, select(Release), Release.id, request)


def list_offered(release: Release) -> tuple[str, ...]:
    """The apps that its sites may have, ``base`` first."""
    return rules.list_offered(release.app_sets, release.sources)


def list_known_apps(session: Session | ReadSession) -> set[str]:
    """Apps that any release holds."""
    rows = session.execute(select(Release.app_sets, Release.sources))
    return {app for app_sets, sources in rows for app in rules.list_offered(app_sets, sources)}
