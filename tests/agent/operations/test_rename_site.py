"""A site gets another name, or keeps the one it had."""

import pytest

from agent.engines.door.site_files import HostnameTaken
from tests.agent.operations.workshop import HOSTNAME, Workshop

NEW = "new.localhost"


def test_the_new_name_leads_there_and_the_old_one_nowhere(shop: Workshop) -> None:
    with shop.serving():
        shop.ask(data="Ada").raise_for_status()
        job = shop.do("rename_site", hostname=NEW)
        assert job.status == "succeeded", job
        assert shop.ask(hostname=NEW).json() == ["Ada"]
        assert shop.ask().status_code == 404


def test_a_suspended_site_gets_it_and_stays_suspended(shop: Workshop) -> None:
    shop.do("suspend_site", reason="unpaid")
    with shop.serving():
        assert shop.do("rename_site", hostname=NEW).status == "succeeded"
        assert shop.ask(hostname=NEW).status_code == 402


@pytest.mark.parametrize(
    "moment", ["ensure_site_serving.before", "ensure_site_serving.after", "probe_site.before"]
)
def test_a_failure_brings_back_the_old_one(shop: Workshop, moment: str) -> None:
    with shop.serving():
        before = shop.read()
        shop.trouble(moment, "once")
        job = shop.do("rename_site", hostname=NEW)
        assert job.error is not None
        assert job.error.compensated
        assert shop.read() == before
        assert shop.ask().ok
        assert shop.ask(hostname=NEW).status_code == 404


@pytest.mark.parametrize("moment", ["ensure_site_serving.before", "ensure_site_serving.after"])
def test_killed_it_goes_on(shop: Workshop, moment: str) -> None:
    with shop.serving():
        job_id = "00000000-0000-4000-8000-00000000000a"
        shop.kill_at(moment, "rename_site", job_id=job_id, hostname=NEW)
        assert shop.go_on(job_id).status == "succeeded"
        assert shop.ask(hostname=NEW).ok


def test_a_name_that_is_taken_is_refused(shop: Workshop) -> None:
    shop.add_site("other.localhost")
    with shop.serving():
        job = shop.do("rename_site", hostname="other.localhost")
        assert job.error is not None
        assert (job.error.code, job.error.compensated) == (HostnameTaken.code, True)
        assert shop.ask(hostname=HOSTNAME).ok
