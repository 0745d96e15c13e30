"""Host = database: what agents really hold is what the rows say. Closed and open sites are repaired, data never.

What changed after the host was asked is left for the next look.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import structlog

from press_app.agents.port import AgentRefused, AgentUnreachable
from press_app.benches import service as benches
from press_app.errors import Conflict
from press_app.invariants.base import Invariant, Violation, World
from press_app.servers import service as servers
from press_app.servers.model import Server
from press_app.sites import service as sites
from press_app.sites.lifecycle import SiteStatus
from press_app.sites.model import Site
from press_app.spares import service as spares
from press_app.work.lease import find_live, list_live

log = structlog.get_logger(__name__)

HOST_STATE = {SiteStatus.ACTIVE: "active", SiteStatus.SUSPENDED: "suspended"}


def find(world: World) -> Iterator[Violation]:
    """Differences between each host and the database."""
    with world.work.read() as session:
        working = servers.list_working(session)
    for server in working:
        asked_at = world.work.clock.now()
        try:
            state = world.agents.read_state(server.address)
        except (AgentUnreachable, AgentRefused) as error:
            yield Violation(f"server:{server.id}", f"{server.name} cannot be compared: {error.message}")
            continue
        with world.work.begin(actor=f"agent:{server.id}") as uow:
            servers.note_heard(uow, server.id)
        yield from _compare(world, server, state, asked_at)


def _compare(world: World, server: Server, state: dict[str, Any], asked_at: datetime) -> Iterator[Violation]:
    with world.work.read() as session:
        bench_ids = [bench.id for bench in benches.list_on(session, server.id)]
        rows = {site.id: site for site in sites.list_on_bench(session, bench_ids)}
        nobodys = set(spares.list_standing(session, bench_ids))
        left = sites.list_leftovers(session, bench_ids)
        busy = list_live(session, asked_at)
    # What moved or is held since the host was asked is left for the next look.
    quiet = [site for site in rows.values() if site.status_since <= asked_at and site.target not in busy]
    # A site that moves, or has left something behind, stands on two benches: its own counts.
    held = {(str(site["id"]), site.get("bench_id")): str(site["state"]) for site in state.get("sites", [])}
    for site in quiet:
        wanted = HOST_STATE.get(site.status)
        if wanted is None:
            continue
        place = (site.id, site.bench_id)
        if place not in held:
            message = f"{site.name} is {site.status}, but {server.name} holds nothing of it. Restore its newest backup."
            yield Violation(site.target, message)
        elif held[place] != wanted:
            _repair(world, site)
            message = (
                f"{site.name} is {held[place]} on {server.name} and should be {wanted}; being put right."
            )
            yield Violation(site.target, message)
    own = {(site.id, bench_id) for site in rows.values() for bench_id in (site.bench_id, site.to_bench_id)}
    for site_id in sorted({place[0] for place in held.keys() - own - left} - nobodys):
        if not _is_known(world, site_id, asked_at):
            message = (
                f"{server.name} holds a site {site_id} that should not be there. Look before you drop it."
            )
            yield Violation(f"site:{site_id}", message)


def _repair(world: World, site: Site) -> None:
    try:
        with world.work.begin(actor="reconciler") as uow:
            sites.repair_host_state(uow, sites.get_site(uow.session, site.id))
    except Conflict as error:
        log.info("host_drift.left", site_id=site.id, code=error.code)


def _is_known(world: World, site_id: str, asked_at: datetime) -> bool:
    """Whether what the host holds is on its way, was when the host was asked, or waits to become its tenant's."""
    with world.work.read() as session:
        site = sites.find_site(session, site_id)
        spare = spares.find_spare(session, site_id)
        if any(row is not None and row.status_since > asked_at for row in (site, spare)):
            return True
        if site is not None and site.status is SiteStatus.RESERVED and site.has_place:
            return True
        return find_live(session, f"site:{site_id}", asked_at) is not None


INVARIANT = Invariant("host-drift", "Hosts hold what the database says, and nothing else.", find)
