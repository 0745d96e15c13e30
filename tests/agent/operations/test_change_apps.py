"""Apps come and go, and a failure at any moment brings back what stood before."""

import uuid
from typing import Any

import pytest

from agent.jobs.model import Job
from tests.agent.operations.workshop import BadDisk, Workshop

MOMENTS = [
    "ensure_site_closed.before",
    "ensure_site_closed.after",
    "write_backup.before",
    "write_backup.after",
    "ensure_apps.before",
    "ensure_apps.halfway",
    "ensure_apps.after",
    "ensure_site_serving.before",
    "ensure_site_serving.after",
    "probe_site.before",
]
BACKED_UP = MOMENTS[4:]


def change(shop: Workshop, *apps: str, **params: Any) -> Job:
    return shop.do("change_apps", apps=list(apps), **({"backup_id": str(uuid.uuid4())} | params))


def test_they_come_and_go_while_the_data_stay(shop: Workshop) -> None:
    with shop.serving():
        shop.ask(data="Ada").raise_for_status()
        job = change(shop, "hr", "base", "crm")
        assert job.status == "succeeded", job
        assert job.result is not None
        assert job.result["apps"] == ["base", "crm", "hr"]
        assert job.result["closed_seconds"] >= 0
        assert job.result["size_bytes"] > 0
        assert shop.store.exists(job.result["backup"]["location"])
        assert shop.ask("/home").json()["apps"] == ["base", "crm", "hr"]
        assert change(shop, "base", "hr").status == "succeeded"
        assert shop.ask("/home").json()["apps"] == ["base", "hr"]
        assert shop.ask().json() == ["Ada"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_failure_brings_back_what_stood(shop: Workshop, moment: str) -> None:
    with shop.serving():
        before = shop.read()
        shop.trouble(moment, "once")
        job = change(shop, "base", "crm")
        assert job.error is not None
        assert (job.error.code, job.error.compensated) == ("fake_trouble", True)
        assert shop.read() == before
        assert shop.ask().ok
        assert (job.result is not None) is (moment in BACKED_UP)


def test_a_suspended_site_stays_suspended(shop: Workshop) -> None:
    shop.do("suspend_site", reason="unpaid")
    with shop.serving():
        job = change(shop, "base", "crm")
        assert job.status == "succeeded", job
        assert shop.ask().status_code == 402
    assert shop.engine.list_apps(shop.bench_id, shop.site_id) == ("base", "crm")


@pytest.mark.parametrize(("apps", "code"), [(("base", "games"), "app_unknown"), (("crm",), "app_needed")])
def test_what_cannot_be_is_refused(shop: Workshop, apps: tuple[str, ...], code: str) -> None:
    with shop.serving():
        before = shop.read()
        job = change(shop, *apps)
        assert job.error is not None
        assert (job.error.code, job.error.step, job.error.compensated) == (code, "ensure_apps", True)
        assert job.result is not None
        assert shop.read() == before
        assert shop.ask().ok


def test_a_refusal_ends_nobody_s_way_in(shop: Workshop) -> None:
    shop.engine.ensure_login_token(shop.bench_id, shop.site_id, "owner", "token", 60)
    with shop.serving():
        change(shop, "base", "games")
        assert shop.ask("/-/login", data="token").ok


def test_what_cannot_be_taken_back_is_said(shop: Workshop) -> None:
    with shop.serving():
        shop.trouble("ensure_apps.after")
        shop.trouble("ensure_restored.before")
        job = change(shop, "base", "crm")
        assert job.error is not None
        assert not job.error.compensated
        assert "Install and remove apps" in job.error.message
        assert job.result is not None
        assert shop.store.exists(job.result["backup"]["location"])


def test_a_backup_that_reads_back_differently_stops_it(shop: Workshop) -> None:
    shop.store = BadDisk()
    with shop.serving():
        before = shop.read()
        job = change(shop, "base", "crm")
        assert job.error is not None
        assert (job.error.code, job.error.compensated, job.result) == ("backup_damaged", True, None)
        assert shop.read() == before


@pytest.mark.parametrize("moment", [moment for moment in MOMENTS if moment != "probe_site.before"])
def test_killed_anywhere_it_goes_on(shop: Workshop, moment: str) -> None:
    with shop.serving():
        shop.ask(data="Ada").raise_for_status()
        job_id = str(uuid.uuid4())
        shop.kill_at(moment, "change_apps", job_id=job_id, apps=["base", "crm"], backup_id=str(uuid.uuid4()))
        assert shop.ledger.get_job(job_id).status == "running"
        job = shop.go_on(job_id)
        assert job.status == "succeeded", job
        assert shop.ask().json() == ["Ada"]
        assert shop.engine.list_apps(shop.bench_id, shop.site_id) == ("base", "crm")


def test_a_site_that_an_earlier_attempt_left_closed_is_changed_and_opened(shop: Workshop) -> None:
    with shop.serving():
        shop.engine.ensure_site_closed(shop.bench_id, shop.site_id)
        assert shop.state() == "suspended"
        assert change(shop, "base", "crm").status == "succeeded"
        assert shop.ask("/home").json()["apps"] == ["base", "crm"]
        assert shop.state() == "active"
