"""Checking all promises and keeping what was found."""

import structlog
from sqlalchemy import select

from press_app.invariants import (
    dead_tasks,
    edge_drift,
    host_drift,
    old_backups,
    stuck_states,
    uncovered_sites,
    wanted_observed,
)
from press_app.invariants.base import Invariant, Violation, World
from press_app.invariants.model import Finding
from press_app.kit.db import ReadSession
from press_app.kit.ids import new_id
from press_app.kit.pagination import Page, PageRequest, read_page

log = structlog.get_logger(__name__)

INVARIANTS: tuple[Invariant, ...] = (
    stuck_states.INVARIANT,
    uncovered_sites.INVARIANT,
    wanted_observed.INVARIANT,
    host_drift.INVARIANT,
    edge_drift.INVARIANT,
    dead_tasks.INVARIANT,
    old_backups.INVARIANT,
)


def check_all(world: World) -> list[tuple[Invariant, Violation]]:
    """Check every promise, store what was found, resolve what holds again. Returns what is broken now."""
    broken: list[tuple[Invariant, Violation]] = []
    for invariant in INVARIANTS:
        found = list(invariant.find(world))
        broken.extend((invariant, violation) for violation in found)
        _store(world, invariant, found)
    return broken


def _store(world: World, invariant: Invariant, found: list[Violation]) -> None:
    open_query = select(Finding).where(Finding.invariant == invariant.name, Finding.resolved_at.is_(None))
    with world.work.read() as session:
        if not found and session.scalar(open_query.limit(1)) is None:
            return
    with world.work.begin(actor="invariants") as uow:
        known = {row.subject: row for row in uow.session.scalars(open_query)}
        for violation in found:
            row = known.pop(violation.subject, None)
            if row is None:
                log.warning("invariant.broken", invariant=invariant.name, subject=violation.subject)
                row = Finding(
                    id=new_id(), invariant=invariant.name, subject=violation.subject, first_seen_at=uow.now()
                )
                uow.session.add(row)
                uow.record("invariant.broken", violation.subject, f"{invariant.name}: {violation.message}")
            row.message, row.last_seen_at = violation.message, uow.now()
        for row in known.values():
            row.resolved_at = uow.now()
            uow.record("invariant.held", row.subject, f"{invariant.name} holds again.")


def list_findings(session: ReadSession, request: PageRequest, *, only_open: bool) -> Page[Finding]:
    """What was found, newest first."""
    query = select(Finding)
    if only_open:
        query = query.where(Finding.resolved_at.is_(None))
    return read_page(session, query, Finding.id, request, newest_first=True)
