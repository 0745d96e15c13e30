"""Moving a site to another bench: its place, its release, and what becomes of what it left."""

from typing import Any

import pytest

from press_app.agents.port import AgentUnreachable
from press_app.backups import service as backups
from press_app.benches import service as benches
from press_app.benches.errors import BenchNotEmpty, BenchUnfit, BenchUnknown, NoBench
from press_app.benches.lifecycle import BenchEvent
from press_app.invariants import host_drift
from press_app.invariants.base import World
from press_app.releases.errors import ReleaseUnknown
from press_app.servers import service as servers
from press_app.sites import service as sites
from press_app.sites.errors import SiteNotReady, TargetUnclear
from press_app.sites.lifecycle import HoldKind, SiteStatus
from press_app.work import journal
from tests.factories.agents import make_receipt
from tests.factories.servers import make_bench, make_release, make_server
from tests.factories.subscriptions import TERMINATED
from tests.press_app.driver import Driver

NEXT = "tryton-9"


@pytest.fixture
def moving(driver: Driver) -> Driver:
    """A site, and a bench of the next release beside its own."""
    driver.active_site()
    add_bench(driver, NEXT)
    return driver


def add_bench(
    driver: Driver, release: str, *, app_sets: list[list[str]] | None = None, max_sites: int = 9
) -> str:
    with driver.work.begin(actor="test") as uow:
        server = servers.get_server(uow.session, driver.server_id)
        made = make_release(uow, release, app_sets=app_sets or [["base", "crm", "hr"]])
        return make_bench(uow, server, release=made, max_sites=max_sites).id


def find_bench(driver: Driver, release: str = NEXT) -> str:
    with driver.work.read() as session:
        found = benches.list_running(session)
        return next(b.id for b in found if benches.get_release_of(session, b.id).name == release)


def move(driver: Driver, *, bench_id: str | None = None, release: str | None = None) -> None:
    with driver.work.begin(actor="operator") as uow:
        site = sites.get_site(uow.session, driver.site().id)
        sites.request_move(uow, site, bench_id=bench_id, release=release)


def count_places(driver: Driver) -> tuple[int, int]:
    """On the old bench, and on the next one."""
    with driver.work.read() as session:
        return tuple(  # type: ignore[return-value]  # two of them
            benches.get_bench(session, bench_id).site_count
            for bench_id in (driver.bench_id, find_bench(driver))
        )


def tell_state(driver: Driver, *bench_ids: str, state: str = "active") -> None:
    """The host says that it holds the site on these benches."""
    held = [{"id": driver.site().id, "bench_id": bench_id, "state": state} for bench_id in bench_ids]
    driver.agents.states[driver.server_id] = {"benches": [], "sites": held, "open_jobs": []}


def find_drift(driver: Driver) -> list[str]:
    world = World(driver.work, driver.agents, driver.edge, driver.runtime.settings)
    return [violation.message for violation in host_drift.find(world)]


class TestMove:
    def test_takes_a_place_there_at_the_start_and_gives_the_old_one_back_at_the_end(
        self, moving: Driver
    ) -> None:
        there = find_bench(moving)
        move(moving, release=NEXT)
        moving.run()
        assert count_places(moving) == (1, 1)
        assert moving.edge.probe("acme.localhost") == 503
        (order,) = moving.orders("move_site")
        assert order.params["bench_id"] == moving.bench_id
        assert order.params["to_bench_id"] == there
        assert order.params["hostname"] == "acme.localhost"
        assert "muted" not in order.params
        moving.answer()
        site = moving.site()
        assert (site.status, site.bench_id, site.to_bench_id) == (SiteStatus.ACTIVE, there, None)
        assert count_places(moving) == (0, 1)
        assert moving.edge.routes["acme.localhost"].bench_id == there
        assert site.last_change is not None
        assert site.last_change["closed_seconds"] == 12.5
        assert "release tryton-9" in site.last_change["message"]

    def test_ends_the_first_login_link_that_nobody_asked_for(self, moving: Driver) -> None:
        move(moving, release=NEXT)
        moving.finish_all()
        with moving.work.begin(actor="owner") as uow:
            link = sites.request_login_link(uow, sites.get_site(uow.session, moving.site().id))
        moving.run()
        (order,) = moving.orders("create_login_link")
        assert (order.params["bench_id"], link.path) == (find_bench(moving), None)

    def test_that_is_done_and_not_seen_in_time_is_opened_again_and_not_moved_again(
        self, moving: Driver
    ) -> None:
        move(moving, release=NEXT)
        moving.run()
        moving.edge.is_down = True
        moving.answer("move_site")
        site = moving.site()
        assert (site.status, site.change) == (SiteStatus.UPDATING, None)
        moving.clock.advance(minutes=61)
        moving.call("site.reconcile")
        assert (moving.site().error or {})["action"] == "resume"

    def test_to_a_named_bench_brings_its_settings_along(self, moving: Driver) -> None:
        with moving.work.begin(actor="owner") as uow:
            sites.request_config(uow, sites.get_site(uow.session, moving.site().id), {"show_help": False})
        moving.finish_all()
        move(moving, bench_id=find_bench(moving))
        moving.run()
        assert moving.orders("move_site")[0].params["config"] == {"show_help": False}
        moving.finish_all()
        assert moving.site().bench_id == find_bench(moving)

    def test_works_from_a_bench_that_is_being_emptied(self, moving: Driver) -> None:
        with moving.work.begin(actor="operator") as uow:
            benches.move(uow, benches.get_bench(uow.session, moving.bench_id), BenchEvent.DRAIN)
        move(moving, release=NEXT)
        moving.finish_all()
        with moving.work.begin(actor="operator") as uow:
            benches.request_retire(uow, benches.get_bench(uow.session, moving.bench_id))


class TestRefusals:
    def test_says_which_bench_is_missing_and_how_to_get_it(self, moving: Driver) -> None:
        with moving.work.begin(actor="operator") as uow:
            benches.get_bench(uow.session, find_bench(moving)).max_sites = 0
        with pytest.raises(NoBench, match="press bench deploy --another --release tryton-9"):
            move(moving, release=NEXT)
        with pytest.raises(NoBench, match="0 of 0 sites"):
            move(moving, bench_id=find_bench(moving))
        assert moving.site().status is SiteStatus.ACTIVE

    def test_of_what_does_not_exist_or_is_no_place_for_it(self, moving: Driver) -> None:
        with moving.work.begin(actor="test") as uow:
            server = make_server(uow)
            far = make_bench(uow, server).id
            other = make_bench(uow, servers.get_server(uow.session, moving.server_id), engine="other").id
        for target, error in (
            ({"bench_id": "none"}, BenchUnknown),
            ({"release": "none"}, ReleaseUnknown),
            ({"bench_id": moving.bench_id}, BenchUnfit),
            ({"release": "tryton-8"}, BenchUnfit),
            ({"bench_id": far}, BenchUnfit),
            ({"bench_id": other}, BenchUnfit),
            ({}, TargetUnclear),
            ({"bench_id": far, "release": NEXT}, TargetUnclear),
        ):
            with pytest.raises(error):
                move(moving, **target)
        assert count_places(moving) == (1, 0)

    def test_of_a_release_without_an_app_of_the_site(self, driver: Driver) -> None:
        driver.active_site(plan_code="business")
        add_bench(driver, NEXT, app_sets=[["base"]])
        with pytest.raises(BenchUnfit, match="has no crm, hr, which the site has"):
            move(driver, release=NEXT)

    def test_of_a_held_site(self, moving: Driver) -> None:
        with moving.work.begin(actor="operator") as uow:
            sites.place_hold(
                uow, sites.get_site(uow.session, moving.site().id), HoldKind.OPERATOR, "Looked at."
            )
        with pytest.raises(SiteNotReady):
            move(moving, release=NEXT)


class TestFailures:
    def test_one_that_was_undone_gives_the_place_back(self, moving: Driver) -> None:
        move(moving, release=NEXT)
        moving.run()
        moving.refuse("move_site", "A migration failed.")
        site = moving.site()
        assert (site.status, site.bench_id, site.to_bench_id) == (SiteStatus.ACTIVE, moving.bench_id, None)
        assert count_places(moving) == (1, 0)
        assert site.last_change is not None
        assert site.last_change["outcome"] == "undone"

    def test_one_that_broke_is_tried_again_to_the_same_bench(self, moving: Driver) -> None:
        move(moving, release=NEXT)
        moving.run()
        moving.refuse("move_site", compensated=False)
        assert moving.site().status is SiteStatus.BROKEN
        assert count_places(moving) == (1, 1)
        tell_state(moving, moving.bench_id, find_bench(moving))
        assert find_drift(moving) == []
        moving.pass_time(seconds=6)
        moving.finish_all()
        assert moving.site().bench_id == find_bench(moving)
        assert count_places(moving) == (0, 1)


class TestUnheardOf:
    """The job that moved the site was lost; the next attempt does not find it on its bench."""

    @pytest.fixture
    def unheard(self, moving: Driver) -> Driver:
        move(moving, release=NEXT)
        moving.run()
        moving.agents.lose_ledger(moving.server_id)
        moving.clock.advance(minutes=46)
        moving.call("job.watch")
        moving.run()
        assert moving.site().status is SiteStatus.BROKEN
        moving.pass_time(seconds=6)
        return moving

    def refuse(self, driver: Driver) -> dict[str, Any]:
        driver.refuse("move_site", "There is no such site on the bench.", code="site_unknown")
        change = driver.site().last_change
        assert change is not None
        return change

    def test_it_is_found_where_it_was_moving(self, unheard: Driver) -> None:
        tell_state(unheard, find_bench(unheard))
        assert self.refuse(unheard)["outcome"] == "done"
        assert (unheard.site().status, unheard.site().bench_id) == (SiteStatus.ACTIVE, find_bench(unheard))
        assert count_places(unheard) == (0, 1)

    @pytest.mark.parametrize("is_at_home", [True, False])
    def test_it_is_broken_where_it_is_not_there(self, unheard: Driver, is_at_home: bool) -> None:
        tell_state(unheard, *([unheard.bench_id] if is_at_home else []))
        change = self.refuse(unheard)
        assert change["outcome"] == "failed"
        assert f"holds it {'on its own bench' if is_at_home else 'on neither bench'}" in change["message"]
        assert (unheard.site().status, unheard.site().bench_id) == (SiteStatus.BROKEN, unheard.bench_id)
        assert count_places(unheard) == (1, 1)

    def test_nothing_is_said_while_the_host_is_silent(self, unheard: Driver) -> None:
        tell_state(unheard, find_bench(unheard))
        (order,) = unheard.orders("move_site")
        event = unheard.agents.fail(
            unheard.server_id, order.job_id, "No such site.", code="site_unknown", compensated=True
        )
        unheard.push(event)
        unheard.agents.failures.append(AgentUnreachable("It is away."))
        unheard.run()
        site = unheard.site()
        assert (site.status, site.change is None) == (SiteStatus.UPDATING, False)
        unheard.pass_time(minutes=1)
        assert (unheard.site().status, unheard.site().bench_id) == (SiteStatus.ACTIVE, find_bench(unheard))


class TestGivenUp:
    def test_what_a_broken_move_left_there_is_removed_when_a_backup_is_restored(self, moving: Driver) -> None:
        site = moving.site()
        move(moving, release=NEXT)
        moving.run()
        (job,) = moving.orders("move_site")
        backup = make_receipt(str(job.params["backup_id"]), site.id, moving.clock.now())
        moving.refuse("move_site", compensated=False, result={"backup": backup})
        with moving.work.begin(actor="owner") as uow:
            row = sites.get_site(uow.session, site.id)
            backups.request_restore(uow, row, backups.get_backup(uow.session, str(job.params["backup_id"])))
        moving.finish_all()
        assert (moving.site().status, moving.site().bench_id) == (SiteStatus.ACTIVE, moving.bench_id)
        assert count_places(moving) == (1, 1), "what is left still takes its place there"
        tell_state(moving, moving.bench_id, find_bench(moving))
        moving.pass_time(minutes=10)
        (drop,) = moving.orders("drop_site")
        assert drop.params["bench_id"] == find_bench(moving)
        moving.finish_all()
        assert count_places(moving) == (1, 0)


class TestFirstAttempts:
    def test_one_that_does_not_find_the_site_has_not_moved_it(self, moving: Driver) -> None:
        move(moving, release=NEXT)
        moving.run()
        tell_state(moving, find_bench(moving))
        moving.refuse("move_site", "There is no such site on the bench.", code="site_unknown")
        site = moving.site()
        assert (site.status, site.bench_id) == (SiteStatus.ACTIVE, moving.bench_id)
        assert count_places(moving) == (1, 0)


class TestLeftovers:
    @pytest.fixture
    def left(self, moving: Driver) -> Driver:
        """A site that serves from the next bench and could not be removed from the old one."""
        move(moving, release=NEXT)
        moving.run()
        tell_state(moving, moving.bench_id, find_bench(moving))
        moving.refuse("move_site", "The disk hangs.", compensated=False, step="ensure_dropped")
        return moving

    def test_the_site_serves_and_what_it_left_is_removed_by_itself(self, left: Driver) -> None:
        assert (left.site().status, left.site().bench_id) == (SiteStatus.ACTIVE, find_bench(left))
        assert left.edge.probe("acme.localhost") == 200
        assert count_places(left) == (1, 1), "it still takes its place there"
        assert find_drift(left) == []
        (order,) = left.orders("drop_site")
        assert order.params == {"bench_id": left.bench_id, "site_id": left.site().id}
        left.finish_all()
        assert count_places(left) == (0, 1)
        with left.work.read() as session:
            lines = [line.message for line in journal.list_timeline(session, left.site().target)]
        assert any("could not be removed yet" in line for line in lines)
        assert "What it left on its old bench was removed." in lines

    def test_a_failed_removal_is_tried_again(self, left: Driver) -> None:
        for seconds in (6, 16):
            left.refuse("drop_site", "The disk hangs.")
            assert left.orders("drop_site") == []
            left.pass_time(seconds=seconds)
        left.finish_all()
        assert count_places(left) == (0, 1)

    def test_nothing_is_removed_while_the_site_is_not_seen_on_its_own_bench(self, moving: Driver) -> None:
        move(moving, release=NEXT)
        moving.run()
        tell_state(moving, moving.bench_id)
        moving.refuse("move_site", "The disk hangs.", compensated=False, step="ensure_dropped")
        assert moving.orders("drop_site") == []
        moving.pass_time(minutes=10)
        assert moving.orders("drop_site") == []
        tell_state(moving, moving.bench_id, find_bench(moving))
        moving.pass_time(minutes=10)
        assert len(moving.orders("drop_site")) == 1

    def test_it_does_not_move_back_before_that(self, left: Driver) -> None:
        with pytest.raises(SiteNotReady, match="still being removed"):
            move(left, bench_id=left.bench_id)

    def test_the_bench_does_not_go_before_that(self, left: Driver) -> None:
        with left.work.begin(actor="operator") as uow:
            benches.move(uow, benches.get_bench(uow.session, left.bench_id), BenchEvent.DRAIN)
        with pytest.raises(BenchNotEmpty), left.work.begin(actor="operator") as uow:
            benches.request_retire(uow, benches.get_bench(uow.session, left.bench_id))

    @pytest.fixture
    def homeless(self, left: Driver) -> Driver:
        """The site was archived, its bench is gone, and the removal of what it left on its first one has not ended."""
        left.observe("end", reason=TERMINATED)
        left.finish_all_but("drop_site")
        assert left.site().status is SiteStatus.ARCHIVED
        with left.work.begin(actor="operator") as uow:
            there = benches.get_bench(uow.session, find_bench(left))
            benches.move(uow, there, BenchEvent.DRAIN)
            uow.session.flush()
            benches.request_retire(uow, there)
        left.finish_all_but("drop_site")
        assert len(left.orders("drop_site")) == 1
        return left

    def test_it_does_not_come_back_to_where_it_would_be_removed(self, homeless: Driver) -> None:
        homeless.observe("run")
        homeless.finish_all_but("drop_site")
        site = homeless.site()
        assert (site.status, site.has_place) == (SiteStatus.ARCHIVED, False)
        assert site.error is not None
        assert "still being removed" in site.error["message"]
        homeless.answer("drop_site")
        homeless.pass_time(minutes=1)
        homeless.finish_all()
        assert (homeless.site().status, homeless.site().bench_id) == (SiteStatus.ACTIVE, homeless.bench_id)

    def test_it_comes_back_to_another_bench_at_once(self, homeless: Driver) -> None:
        there = add_bench(homeless, "tryton-10")
        homeless.observe("run")
        homeless.finish_all_but("drop_site")
        assert (homeless.site().status, homeless.site().bench_id) == (SiteStatus.ACTIVE, there)
