"""What the control plane does by itself all the time, and once for each site: called as its workers call it."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import delete, select, update

from press_app.benches import service as benches
from press_app.bootstrap import TASKS, Runtime
from press_app.edge.file import FileEdge
from press_app.edge.port import Mark, News
from press_app.invariants import service as invariants
from press_app.invariants.base import World
from press_app.sites import service as sites
from press_app.sites.lifecycle import HoldKind, SiteStatus
from press_app.sites.model import Hold, Site
from press_app.sites.tasks import publish_routes
from press_app.work.model import ScheduleRow, TaskRow, TaskStatus
from press_app.work.ticker import CLOCK, Ticker
from tests.bench.ground import Ground
from tests.bench.measures import LINEAR, Measure

RECONCILE_SECONDS = 60.0
EDGE_SECONDS = 0.05
"""CPU for one changed site."""
TIMES = 20
ASTRAY = 200
"""Sites that must be brought back at once; the same number at each size."""
EDGE_ONLY = {"edge-drift"}
"""No Traefik runs here, so nothing can be seen from outside; every other promise must hold."""


class _Undo(Exception):
    """Leaves a unit of work without a trace."""


def measure_passes(ground: Ground) -> Iterator[Measure]:
    """All passes; what they change is put back."""
    runtime = ground.runtime
    # The first pass settles what the model left open, as the first pass of an installation does.
    check_promises(runtime)
    whole, steady = clock(lambda: check_promises(runtime)), clock(lambda: reconcile(runtime))
    yield Measure("reconcile_control_plane", [whole + steady], target=RECONCILE_SECONDS, grows=LINEAR)
    # It looks at each site that is held, to see that it should be.
    yield Measure("reconcile_sites_pass", repeat(lambda: reconcile(runtime)), grows=LINEAR)
    yield Measure("reconcile_astray_pass", [measure_astray(runtime)])
    ticker = Ticker(runtime.runner, runtime.bell)
    ticker.tick()
    # After somebody wrote it looks at each task that waits for its day.
    yield Measure(
        "ticker_pass", [tick_after_a_write(runtime, ticker, number) for number in range(TIMES)], grows=LINEAR
    )
    yield Measure("placement", repeat(lambda: place_and_undo(runtime)))
    yield from measure_edge(ground)


def check_promises(runtime: Runtime) -> None:
    """Every invariant, with each host's state."""
    broken = invariants.check_all(World(runtime.work, runtime.agents, runtime.edge, runtime.settings))
    names = {invariant.name for invariant, _ in broken}
    assert names <= EDGE_ONLY, names


def reconcile(runtime: Runtime) -> None:
    TASKS["site.reconcile"].call({"work": runtime.work, "edge": runtime.edge, "correlation_id": "bench"}, {})


def measure_astray(runtime: Runtime) -> float:
    """Seconds of a pass that finds many sites held and has all of them suspended."""
    work = runtime.work
    query = select(Site.id).where(Site.status == SiteStatus.ACTIVE).order_by(Site.id).limit(ASTRAY)
    with work.read() as session:
        chosen = list(session.scalars(query))
    now = work.clock.now()
    with work.begin(actor="bench") as uow:
        uow.session.add_all(
            Hold(site_id=each, kind=HoldKind.QUOTA, message="Measured.", placed_by="bench", placed_at=now)
            for each in chosen
        )
    took = clock(lambda: reconcile(runtime))
    keys = [f"converge:{each}" for each in chosen]
    with work.begin(actor="bench") as uow:
        asked = uow.session.execute(delete(TaskRow).where(TaskRow.unique_key.in_(keys)))
        for hold in uow.session.scalars(select(Hold).where(Hold.placed_by == "bench")):
            uow.session.delete(hold)
    assert getattr(asked, "rowcount", 0) == len(chosen)
    reconcile(runtime)
    return took


def place_and_undo(runtime: Runtime) -> None:
    with suppress(_Undo), runtime.work.begin(actor="bench") as uow:
        benches.take_place(uow, ["base"])
        raise _Undo


def measure_edge(ground: Ground) -> Iterator[Measure]:
    """CPU of publishing: the whole table, nothing new, and one changed site; wall time would count other programs."""
    runtime = ground.runtime

    def read_whole(_mark: Mark | None) -> News:
        with runtime.work.read() as session:
            return sites.read_routes(session, None)

    def publish_anew() -> None:
        make_edge(runtime).publish(read_whole)

    whole = cpu(publish_anew)
    yield Measure("edge_whole_table_cpu", [whole], grows=LINEAR)
    edge = make_edge(runtime)
    publish_routes(runtime.work, edge)
    unchanged = [cpu(lambda: publish_routes(runtime.work, edge)) for _ in range(TIMES)]
    yield Measure("edge_unchanged_cpu", unchanged, baseline=whole)
    changed = []
    for is_held in (True, False) * (TIMES // 2):
        set_hold(ground, is_held=is_held)
        changed.append(cpu(lambda: publish_routes(runtime.work, edge)))
    # The file stays one, so its text is put together and written whole.
    yield Measure("edge_one_change_cpu", changed, target=EDGE_SECONDS, baseline=whole, grows=LINEAR)


def make_edge(runtime: Runtime) -> FileEdge:
    """A publisher that knows nothing yet, as in a process that just started."""
    settings = runtime.settings
    return FileEdge(
        settings.edge_dynamic_file,
        pages_url=settings.edge_pages_url,
        probe_url=settings.probe_url,
    )


def set_hold(ground: Ground, *, is_held: bool) -> None:
    """Hold the model's site, or lift that again; what it promises is not kept, because no worker runs."""
    with ground.runtime.work.begin(actor="bench") as uow:
        site = sites.get_site(uow.session, ground.model.site_id)
        if is_held:
            assert sites.place_hold(uow, site, HoldKind.OPERATOR, "Measured.")
        else:
            assert sites.lift_hold(uow, site, HoldKind.OPERATOR, why="Measured.")
            uow.session.execute(
                delete(TaskRow).where(TaskRow.status == TaskStatus.WAITING, TaskRow.unique_key.is_not(None))
            )


def tick_after_a_write(runtime: Runtime, ticker: Ticker, number: int) -> float:
    with runtime.work.begin(actor="bench") as uow:
        # SQLite does not call it a change when the row stays the same.
        moment = uow.now() - timedelta(microseconds=number + 1)
        uow.session.execute(update(ScheduleRow).where(ScheduleRow.name == CLOCK).values(last_tick=moment))
    return clock(ticker.tick)


def repeat(call: Callable[[], object]) -> list[float]:
    return [clock(call) for _ in range(TIMES)]


def clock(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def cpu(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start
