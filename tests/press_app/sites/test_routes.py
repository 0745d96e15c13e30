"""What changed in the edge's table is read as news; whatever moves a route is among them."""

from pathlib import Path

import pytest
from sqlalchemy import delete, select

from press_app.benches import service as benches
from press_app.edge.file import FileEdge
from press_app.edge.port import Mark, News, Route, RouteState
from press_app.edge.table import Table
from press_app.sites import service as sites
from press_app.sites.lifecycle import HoldKind
from press_app.sites.model import RouteChange, Site
from press_app.sites.service import routes as feed
from press_app.sites.tasks import publish_routes
from tests.factories.subscriptions import TERMINATED, UNPAID
from tests.press_app.driver import Driver

PAGES = "http://127.0.0.1:8070"


class Reader:
    """A publisher's memory: it must always lead to the whole table."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.mark: Mark | None = None
        self.table: dict[str, Route] = {}

    def look(self) -> News:
        with self.driver.work.read() as session:
            news = sites.read_routes(session, self.mark)
            whole = {route.site_id: route for route in sites.list_routes(session)}
        self.mark = news.mark
        if news.is_whole:
            self.table.clear()
        for site_id, route in news.routes.items():
            self.table.pop(site_id, None)
            if route is not None:
                self.table[site_id] = route
        assert self.table == whole
        return news


@pytest.fixture
def reader(driver: Driver) -> Reader:
    made = Reader(driver)
    assert made.look().is_whole
    return made


def test_a_whole_life_is_told_by_its_changes(driver: Driver, reader: Reader) -> None:
    site = driver.active_site()
    other = driver.active_site("globex")
    assert reader.look().routes.keys() == {site.id, other.id}
    assert reader.look().routes == {}
    for wanted, reason in (("hold", UNPAID), ("run", None), ("end", TERMINATED), ("run", None)):
        driver.observe(wanted, reason=reason)
        driver.run()
        assert not reader.look().is_whole
        driver.finish_all()
        assert reader.look().routes.keys() <= {site.id}
    assert reader.table[site.id].state is RouteState.LIVE


def test_a_hold_is_told_before_anything_else_happens(driver: Driver, reader: Reader) -> None:
    site = driver.active_site()
    reader.look()
    with driver.work.begin(actor="operator") as uow:
        sites.place_hold(uow, sites.get_site(uow.session, site.id), HoldKind.SECURITY, "Looked at.")
    reader.look()
    assert (reader.table[site.id].state, reader.table[site.id].reason) == (RouteState.SUSPENDED, "security")
    with driver.work.begin(actor="operator") as uow:
        sites.lift_hold(uow, sites.get_site(uow.session, site.id), HoldKind.SECURITY, why="Fine.")
    reader.look()
    assert reader.table[site.id].state is RouteState.LIVE


def test_publishers_with_memories_of_their_own_write_the_same_table(driver: Driver, tmp_path: Path) -> None:
    file = tmp_path / "edge" / "dynamic" / "sites.yml"
    edges = [FileEdge(file, pages_url=PAGES, probe_url="http://127.0.0.1:1") for _ in range(2)]
    names = ("acme", "globex", "initech")
    ids = [driver.active_site(name).id for name in names]
    for turn in range(12):
        with driver.work.begin(actor="operator") as uow:
            site = sites.get_site(uow.session, ids[turn % 3])
            if not sites.lift_hold(uow, site, HoldKind.OPERATOR, why="Fine."):
                sites.place_hold(uow, site, HoldKind.OPERATOR, "Looked at.")
        # In turns of one, two and three, so that each falls behind and catches up.
        publish_routes(driver.work, edges[turn % 5 // 2 % 2])
        whole = Table(PAGES)
        with driver.work.read() as session:
            whole.take(News.whole(sites.list_routes(session)))
        assert file.read_text() == whole.render(), turn


def test_a_bench_that_moved_is_told_by_its_sites(driver: Driver, reader: Reader) -> None:
    site = driver.active_site()
    reader.look()
    with driver.work.begin(actor="test") as uow:
        benches.get_bench(uow.session, driver.bench_id).url = "http://127.0.0.1:7999"
    assert reader.look().routes.keys() == {site.id}
    assert reader.table[site.id].bench_url == "http://127.0.0.1:7999"


def test_a_change_with_a_smaller_number_may_come_later(driver: Driver, reader: Reader) -> None:
    """As on MariaDB, where a number is given before its transaction commits."""
    site = driver.active_site()
    reader.look()
    with driver.work.begin(actor="test") as uow:
        last = max(uow.session.scalars(select(RouteChange.id)))
        uow.session.add(RouteChange(id=last + 2, subject="site:none"))
    assert reader.look().routes == {"none": None}
    with driver.work.begin(actor="test") as uow:
        uow.session.add(RouteChange(id=last + 1, subject=site.target))
    assert reader.look().routes.keys() == {site.id}
    assert reader.look().routes == {}


def test_after_too_many_changes_all_is_read(driver: Driver, reader: Reader) -> None:
    with driver.work.begin(actor="test") as uow:
        uow.session.add_all(
            RouteChange(subject="site:none") for _ in range(feed.OVERLAP + feed.MOST_CHANGES + 1)
        )
    assert reader.look().is_whole
    assert not reader.look().is_whole


def test_numbers_of_another_database_are_not_trusted(driver: Driver, reader: Reader) -> None:
    driver.active_site()
    reader.look()
    with driver.work.begin(actor="test") as uow:
        uow.session.execute(delete(RouteChange))
    assert reader.look().is_whole


def test_what_everybody_has_read_is_forgotten(driver: Driver) -> None:
    with driver.work.begin(actor="test") as uow:
        uow.session.add_all(RouteChange(subject="site:none") for _ in range(feed.KEPT_CHANGES + 5))
    driver.call("site.forget")
    with driver.work.read() as session:
        assert len(list(session.scalars(select(RouteChange.id)))) == feed.KEPT_CHANGES


def test_counting_a_measurement_is_no_change_of_a_route(driver: Driver, reader: Reader) -> None:
    site = driver.active_site()
    reader.look()
    with driver.work.begin(actor="test") as uow:
        row = uow.session.get(Site, site.id)
        assert row is not None
        row.users = 7
    assert reader.look().routes == {}
