"""A backup of one site restored as another one: a copy with a life of its own, silent where it is told to be."""

import uuid
from typing import Any

import pytest

from agent.jobs.model import Job
from tests.agent.operations.workshop import Workshop

THERE = "copy.localhost"
MOMENTS = [
    "ensure_restored.before",
    "ensure_restored.after",
    "ensure_site_migrated.before",
    "ensure_site_migrated.after",
    "ensure_config.before",
    "ensure_config.after",
    "ensure_site_muted.before",
    "ensure_site_muted.after",
    "ensure_site_resumed.before",
    "ensure_site_resumed.after",
    "probe_site.before",
]


def copy(shop: Workshop, **params: Any) -> Job:
    """Back the site up and restore it as another one, which is the shop's site from then on."""
    origin, backup = shop.site_id, shop.back_up()
    shop.site_id = str(uuid.uuid4())
    given = {"hostname": THERE, "state": "active", "copied_from": origin, "muted": True}
    return shop.restore(backup, **(given | params))


def test_it_has_the_data_and_its_own_from_then_on(shop: Workshop) -> None:
    origin = shop.site_id
    with shop.serving():
        shop.ask(data="Both").raise_for_status()
        job = copy(shop, config={"greeting": "A copy"})
        assert job.status == "succeeded", job
        shop.ask(hostname=THERE, data="Copy's").raise_for_status()
        assert shop.ask(hostname=THERE).json() == ["Both", "Copy's"]
        assert shop.ask().json() == ["Both"]
        assert shop.ask("/", hostname=THERE).json() == "A copy"
        assert shop.ask("/mail", hostname=THERE, data="!").status_code == 403
        assert shop.ask("/mail", data="!").ok
    assert shop.read(site_id=origin) != shop.read()


def test_restored_from_its_own_backup_it_stays_silent(shop: Workshop) -> None:
    with shop.serving():
        copy(shop)
        assert shop.restore(shop.back_up(), hostname=THERE, state="active").status == "succeeded"
        assert shop.ask("/mail", hostname=THERE, data="!").status_code == 403


def test_restored_from_its_origin_again_it_is_the_origin_of_now(shop: Workshop) -> None:
    with shop.serving():
        origin = shop.site_id
        copy(shop)
        shop.ask(hostname=THERE, data="Copy's").raise_for_status()
        shop.ask(data="Later").raise_for_status()
        there, shop.site_id = shop.site_id, origin
        backup = shop.back_up()
        shop.site_id = there
        assert shop.restore(backup, hostname=THERE, state="active", copied_from=origin).status == "succeeded"
        assert shop.ask(hostname=THERE).json() == ["Later"]
        assert shop.ask("/mail", hostname=THERE, data="!").status_code == 403


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_failure_leaves_nothing_of_it(shop: Workshop, moment: str) -> None:
    origin = shop.site_id
    with shop.serving():
        before = shop.read()
        shop.trouble(moment, "once")
        job = copy(shop, config={"greeting": "A copy"})
        assert job.error is not None
        assert (job.error.code, job.error.compensated) == ("fake_trouble", True)
        assert shop.state() is None
        assert not shop.site_path.parent.exists()
        assert shop.read(site_id=origin) == before
        assert shop.ask().ok


@pytest.mark.parametrize("moment", MOMENTS[:-1])
def test_killed_anywhere_it_goes_on(shop: Workshop, moment: str) -> None:
    origin, backup, job_id = shop.site_id, shop.back_up(), str(uuid.uuid4())
    with shop.serving():
        shop.site_id = str(uuid.uuid4())
        given = {"hostname": THERE, "state": "active", "copied_from": origin, "muted": True}
        shop.kill_at(
            moment, "restore_site", job_id=job_id, backup=backup, config={"read_only": True}, **given
        )
        job = shop.go_on(job_id)
        assert job.status == "succeeded", job
        assert shop.ask(hostname=THERE).ok
        assert shop.ask(hostname=THERE, data="!").status_code == 403


def test_a_backup_of_another_site_that_is_not_named_is_refused(shop: Workshop) -> None:
    with pytest.raises(Exception, match="do not fit restore_site"):
        copy(shop, copied_from=None)
