"""Host = database: what agents really hold is what the rows say. Closed and open sites are repaired, data never."""

from collections.abc import Iterator
from typing import Any

from press_app.agents.port import AgentRefused, AgentUnreachable
from press_app.benches import service as benches
from press_app.invariants.base import Invariant, Violation, World
from press_app.servers import service as servers
from press_app.servers.model import Server
from press_app.sites import service as sites
from press_app.sites.lifecycle import SiteStatus
from press_app.sites.model import Site
from press_app.work.lease import find_live

HOST_STATE = {SiteStatus.ACTIVE: "active", SiteStatus.SUSPENDED: "suspended"}


def find(world: World) -> Iterator[Violation]:
    """Differences between each host and the database."""
    with world.work.read() as session:
        working = servers.list_working(session)
    for server in working:
        try:
            state = world.agents.read_state(server.address)
        except (AgentUnreachable, AgentRefused) as error:
            yield Violation(f"server:{server.id}", f"{server.name} cannot be compared: {error.message}")
            continue
        yield from _compare(world, server, state)


def _compare(world: World, server: Server, state: dict[str, Any]) -> Iterator[Violation]:
    now = world.work.clock.now()
    with world.work.read() as session:
        bench_ids = [bench.id for bench in benches.list_on(session, server.id)]
        rows = {site.id: site for site in sites.list_on_bench(session, bench_ids)}
        quiet = {site_id for site_id, site in rows.items() if find_live(session, site.target, now) is None}
    held = {str(site["id"]): str(site["state"]) for site in state.get("sites", [])}
    for site_id in sorted(quiet):
        site = rows[site_id]
        wanted = HOST_STATE.get(site.status)
        if wanted is None:
            continue
        if site_id not in held:
            message = f"{site.name} is {site.status}, but {server.name} holds nothing of it. Restore its newest backup."
            yield Violation(site.target, message)
        elif held[site_id] != wanted:
            _repair(world, site)
            message = (
                f"{site.name} is {held[site_id]} on {server.name} and should be {wanted}; being put right."
            )
            yield Violation(site.target, message)
    for site_id in sorted(set(held) - set(rows)):
        if not _is_leaving(world, site_id):
            message = (
                f"{server.name} holds a site {site_id} that should not be there. Look before you drop it."
            )
            yield Violation(f"site:{site_id}", message)


def _repair(world: World, site: Site) -> None:
    with world.work.begin(actor="reconciler") as uow:
        sites.repair_host_state(uow, sites.get_site(uow.session, site.id))


def _is_leaving(world: World, site_id: str) -> bool:
    with world.work.read() as session:
        return find_live(session, f"site:{site_id}", world.work.clock.now()) is not None


INVARIANT = Invariant("host-drift", "Hosts hold what the database says, and nothing else.", find)
