"""Every order that the control plane makes is one that the agent takes (docs/contracts/agent.md)."""

import re
from collections.abc import Callable

import pytest

from agent.operations.registry import OPERATIONS
from press_app.backups import service as backups
from press_app.benches import service as benches
from press_app.benches.lifecycle import BenchEvent
from press_app.bootstrap import FINISHERS
from press_app.servers import service as servers
from press_app.sites import service as sites
from press_app.sites.lifecycle import SiteStatus
from press_app.sites.model import Site
from press_app.spares import service as spares
from press_app.spares.rules import Policy
from press_app.work.unit_of_work import UnitOfWork
from tests.factories.hostile import HOSTILE
from tests.factories.servers import make_bench, make_release
from tests.press_app.backups.test_retention import expire, put_hourly
from tests.press_app.driver import Driver

TARGET = re.compile(r"(bench|site):[0-9a-f-]{36}")
STOCK = Policy(least=1, most=1)


def live_through_everything(driver: Driver) -> None:
    """One site through every operation there is."""
    site = driver.active_site(home={"country": "FR", "currency": "EUR", "time_zone": "Europe/Paris"})
    with driver.work.begin(actor="owner") as uow:
        row = sites.get_site(uow.session, site.id)
        for _ in range(2):  # The first is there already.
            sites.request_login_link(uow, row)
        sites.request_password(uow, row, None)
        sites.request_usage(uow, row)
        sites.request_backup(uow, row)
    driver.finish_all()
    with driver.work.begin(actor="owner") as uow:
        newest = backups.find_newest(uow.session, site.id)
        assert newest is not None
        backups.request_restore(uow, sites.get_site(uow.session, site.id), newest)
    driver.finish_all()
    put_hourly(driver, site.id, 72)
    assert expire(driver)
    driver.finish_all()
    change_everything(driver, site.id)
    for wanted in ("hold", "run", "end", "run", "end"):
        driver.observe(wanted)
        driver.finish_all()
    assert {site.status for site in driver.list_sites()} == {SiteStatus.ARCHIVED}
    with driver.work.begin(actor="operator") as uow:
        bench = benches.get_bench(uow.session, driver.bench_id)
        benches.request_deploy(uow, bench)
    driver.finish_all()
    with driver.work.begin(actor="operator") as uow:
        bench = benches.get_bench(uow.session, driver.bench_id)
        bench.facts = {"templates": [{"apps": ["base"]}]}
        spares.tend(uow, STOCK)
    driver.finish_all()
    with driver.work.begin(actor="operator") as uow:
        benches.move(uow, benches.get_bench(uow.session, driver.bench_id), BenchEvent.DRAIN)
        spares.tend(uow, STOCK)
    driver.finish_all()
    with driver.work.begin(actor="operator") as uow:
        benches.request_retire(uow, benches.get_bench(uow.session, driver.bench_id))
    driver.finish_all()


def change_everything(driver: Driver, site_id: str) -> None:
    """Apps, settings, name, bench, and a copy that moves, too."""
    with driver.work.begin(actor="operator") as uow:
        server = servers.get_server(uow.session, driver.server_id)
        there = make_bench(uow, server, release=make_release(uow, "tryton-9")).id
    config: dict[str, bool | int | str] = {"show_help": False, "hours": 8, "greeting": "Bonjour à tous"}
    acts: list[Callable[[UnitOfWork, Site], object]] = [
        lambda uow, site: sites.request_apps(uow, site, ["base", "crm"]),
        lambda uow, site: sites.request_config(uow, site, config),
        lambda uow, site: sites.request_rename(uow, site, "renamed", "localhost"),
        lambda uow, site: backups.request_copy(uow, site, name="copied", domain="localhost", backup=None),
        lambda uow, site: sites.request_move(uow, site, bench_id=there),
        lambda uow, site: sites.request_move(uow, site, bench_id=driver.bench_id),
    ]
    driver.observe(plan_code="business", home={"country": "FR", "language": "fr"})
    for act in acts:
        with driver.work.begin(actor="owner") as uow:
            act(uow, sites.get_site(uow.session, site_id))
        driver.finish_all()
    copy = next(site for site in driver.list_sites() if site.name == "copied")
    with driver.work.begin(actor="owner") as uow:
        sites.request_move(uow, sites.get_site(uow.session, copy.id), bench_id=there)
    driver.finish_all()
    assert {site.status for site in driver.list_sites()} == {SiteStatus.ACTIVE}


def test_the_agent_takes_every_order(driver: Driver) -> None:
    live_through_everything(driver)
    orders = list(driver.agents.orders.values())
    assert {order.operation for order in orders} == set(OPERATIONS)
    for order in orders:
        operation = OPERATIONS[order.operation]
        operation.params.model_validate(order.params)
        assert TARGET.fullmatch(order.target)
        assert order.target.partition(":")[0] == operation.target
        assert str(order.params[f"{operation.target}_id"]) == order.target.partition(":")[2]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_the_agent_takes_every_text_that_the_control_plane_takes(driver: Driver, text: str) -> None:
    """A site whose order the agent refuses would be broken by its own name."""
    short = text[:190]
    driver.observe(customer_name=short, customer_email=f"{short[:20]}@x.example", name=short)
    driver.run()
    for order in driver.agents.orders.values():
        OPERATIONS[order.operation].params.model_validate(order.params)
    assert driver.orders("create_site")


def test_every_operation_has_somebody_who_takes_its_result() -> None:
    assert set(FINISHERS) == set(OPERATIONS)
