"""Doors of the sites for workers."""

import time
from datetime import timedelta

import structlog

from press_app.agents.port import Agents
from press_app.benches import service as benches
from press_app.config import Settings
from press_app.edge.port import Edge, Mark, News
from press_app.sites import service
from press_app.sites.errors import EdgeDisagrees
from press_app.work import lease
from press_app.work.task import going_on, sweep, task
from press_app.work.unit_of_work import Work

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.4
"""A table propagates in well under this; a sick site must not keep a worker from the others."""
LOOK_EVERY_SECONDS = 0.01
MEASURE_EVERY = timedelta(hours=1)
MEASURE_AT_ONCE = 200
"""A minute: 10,000 sites within the hour."""


@task("site.converge", queue="urgent", max_attempts=20, max_wait_seconds=10)
def converge(*, work: Work, correlation_id: str, site_id: str) -> None:
    """Do the next thing for one site; while other work holds it, it is looked at again by the reconciler."""
    try:
        with work.begin(actor="reconciler", correlation_id=correlation_id) as uow:
            service.converge(uow, site_id)
    except lease.SubjectBusy as busy:
        log.info("site.busy", site_id=site_id, purpose=busy.context.get("purpose"))


@task("edge.publish", queue="urgent", max_attempts=100, max_wait_seconds=5)
def publish(*, work: Work, edge: Edge) -> None:
    """Tell the edge what changed."""
    publish_routes(work, edge)


@task("site.verify", queue="urgent", max_attempts=200, max_wait_seconds=3, lease_seconds=30)
def verify(*, work: Work, edge: Edge, settings: Settings, correlation_id: str, site_id: str) -> None:
    """Publish the route, look at the site from outside, and end its move when the answer is right."""
    publish_routes(work, edge)
    with work.read() as session:
        site = service.get_site(session, site_id)
        expected = service.expected_answer(site, is_held=service.is_held(session, site_id))
    if expected is None or site.hostname is None:
        return
    seen = _look(edge, site.hostname, expected)
    with work.begin(actor="reconciler", correlation_id=correlation_id) as uow:
        is_settled = service.on_seen(uow, site_id, seen, undo_days=settings.undo_days)
    if not is_settled:
        message = f"The edge answers {seen} for {site.hostname}, {expected} is right. Looked at again soon."
        raise EdgeDisagrees(message, seen=seen, expected=expected)


def _look(edge: Edge, hostname: str, expected: int) -> int:
    until = time.monotonic() + LOOK_SECONDS
    while True:
        seen = edge.probe(hostname)
        if seen == expected or time.monotonic() > until:
            return seen
        time.sleep(LOOK_EVERY_SECONDS)


def publish_routes(work: Work, edge: Edge, *, waits: bool = True) -> None:
    """Read what changed under the publisher's lock, and write the table where it did."""

    def read(mark: Mark | None) -> News:
        with work.read() as session:
            return service.read_routes(session, mark)

    edge.publish(read, waits=waits)


@sweep("site.reconcile", schedule="* * * * * */10")
def reconcile(*, work: Work, edge: Edge, correlation_id: str) -> None:
    """Start what is due, look again at what should be done, tell about what takes too long."""
    # Somebody who publishes at this moment does what this would do; a sweep waits for nobody.
    publish_routes(work, edge, waits=False)
    with work.read() as session:
        astray = service.list_astray(session, work.clock.now())
        working = service.list_verifiable(session, work.clock.now())
        overdue = [site.id for site in service.list_overdue(session, work.clock.now())]
    for site_id in overdue:
        with (
            going_on("site.not_ended", site_id=site_id),
            work.begin(actor="reconciler", correlation_id=correlation_id) as uow,
        ):
            service.on_overdue(uow, service.get_site(uow.session, site_id))
    if not astray and not working:
        return
    with work.begin(actor="reconciler", correlation_id=correlation_id) as uow:
        for site_id in astray:
            uow.enqueue("site.converge", unique_key=f"converge:{site_id}", site_id=site_id)
        for site_id in working:
            uow.enqueue("site.verify", unique_key=f"verify:{site_id}", site_id=site_id)


@task("site.measure", queue="slow", schedule="* * * * *", max_attempts=1)
def measure(*, work: Work, correlation_id: str) -> None:
    """Ask for the usage of some sites, the longest unmeasured first."""
    before = work.clock.now() - MEASURE_EVERY
    with work.read() as session:
        due = service.list_unmeasured(session, before, MEASURE_AT_ONCE)
    for site_id in due:
        with work.begin(actor="reconciler", correlation_id=correlation_id) as uow:
            service.request_usage(uow, service.get_site(uow.session, site_id))


@task("site.drop_leftover", queue="slow", max_attempts=100, max_wait_seconds=300)
def drop_leftover(*, work: Work, agents: Agents, correlation_id: str, site_id: str, bench_id: str) -> None:
    """Remove what a site left on its old bench, once its host was seen to hold the site itself."""
    with work.read() as session:
        own = service.find_own_bench(session, site_id, bench_id)
        address = None if own is None else benches.find_address(session, own)
    state = {} if address is None else agents.read_state(address)
    standing = {(site.get("id"), site.get("bench_id")) for site in state.get("sites", [])}
    with work.begin(actor="reconciler", correlation_id=correlation_id) as uow:
        service.request_drop(uow, site_id, bench_id, is_standing=(site_id, own) in standing)


@task("site.look_for", queue="urgent", max_attempts=100, max_wait_seconds=60)
def look_for(*, work: Work, agents: Agents, correlation_id: str, site_id: str) -> None:
    """Ask the host where a site is that may have moved without anybody hearing of it."""
    with work.read() as session:
        target = service.find_target(session, site_id)
        address = None if target is None else benches.find_address(session, target)
    if address is None:
        return
    held = agents.read_state(address).get("sites", [])
    held_on = {str(site.get("bench_id")) for site in held if site.get("id") == site_id}
    with work.begin(actor="reconciler", correlation_id=correlation_id) as uow:
        service.on_looked_for(uow, site_id, held_on)


@task("site.forget", queue="slow", schedule="41 * * * *", max_attempts=1)
def forget(*, work: Work) -> None:
    """Remove what is over: read changes of the edge's table, dead login links, former names; look after leftovers."""
    with work.begin(actor="worker") as uow:
        service.forget_changes(uow)
        service.forget_login_links(uow)
        service.forget_former(uow)
        service.drop_again(uow)


TASKS = (converge, publish, verify, reconcile, measure, drop_leftover, look_for, forget)
