"""A site is made from the template of its country, which the first one waits for."""

import uuid
from typing import Any

import pytest

from agent.jobs.model import Job
from tests.agent.operations.workshop import PASSWORD, Workshop

REF = "secret://site/x/admin-password"
BERLIN = {"country": "DE", "currency": "EUR", "language": "de", "time_zone": "Europe/Berlin"}


def create(shop: Workshop, **params: Any) -> Job:
    shop.site_id = str(uuid.uuid4())
    shop.secrets[REF] = PASSWORD
    given: dict[str, Any] = {
        "hostname": f"{shop.site_id}.localhost",
        "apps": ["base"],
        "admin": {"login": "owner", "email": "owner@bakery.example", "password": REF},
        "company": {"name": "Bakery"},
    }
    return shop.do("create_site", **(given | params))


def test_the_first_of_a_country_comes_from_scratch_and_the_next_from_its_template(shop: Workshop) -> None:
    with shop.serving():
        for source in ("scratch", "template"):
            job = create(shop, locale=BERLIN)
            assert job.status == "succeeded", job
            assert job.result is not None
            assert job.result["created_from"] == source
            made = shop.read()
            assert made is not None
            assert made.locale == BERLIN
        without = create(shop)
        assert without.result is not None
        assert without.result["created_from"] == "template"


def test_prepared_in_a_country_it_becomes_a_tenant_s_there(shop: Workshop) -> None:
    shop.site_id = str(uuid.uuid4())
    shop.secrets[REF] = PASSWORD
    made = shop.do("prepare_site", apps=["base"], login="owner", password=REF, locale=BERLIN)
    assert made.status == "succeeded", made
    found = shop.read()
    assert found is not None
    assert found.locale == BERLIN


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"locale": BERLIN | {"currency": "ZZZ"}}, "locale_unknown"),
        ({"locale": BERLIN | {"time_zone": "Europe/Bielefeld"}}, "locale_unknown"),
        ({"apps": ["base", "games"]}, "app_unknown"),
    ],
)
def test_what_nobody_knows_is_refused_and_nothing_is_made(
    shop: Workshop, params: dict[str, Any], code: str
) -> None:
    job = create(shop, **params)
    assert job.error is not None
    assert (job.error.code, job.error.step, job.error.compensated) == (code, "ensure_template", True)
    assert shop.read() is None


@pytest.mark.parametrize("moment", ["ensure_template.before", "ensure_template.after"])
def test_killed_while_it_waits_it_says_that_it_waited(shop: Workshop, moment: str) -> None:
    with shop.serving():
        job_id = str(uuid.uuid4())
        shop.trouble(moment, "kill")
        with pytest.raises(BaseException, match=moment):
            create(shop, locale=BERLIN, job_id=job_id)
        job = shop.go_on(job_id)
        assert job.status == "succeeded", job
