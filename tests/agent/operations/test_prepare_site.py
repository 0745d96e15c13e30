"""A site of nobody is made ahead, and gets its tenant, or goes, when one comes."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.engines.fake.site import FakeSite, find_site
from agent.jobs.model import Job
from tests.agent.operations.workshop import Workshop, make_workshop

PASSWORD = "correct horse battery"
REF = "secret://site/x/admin-password"


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """A workshop whose next site is not there yet."""
    workshop = make_workshop(tmp_path)
    workshop.site_id = str(uuid.uuid4())
    workshop.secrets[REF] = PASSWORD
    yield workshop
    workshop.ledger.close()


def prepare(workshop: Workshop) -> Job:
    return workshop.do("prepare_site", apps=["base"], login="owner", password=REF)


def give(workshop: Workshop, **changes: Any) -> Job:
    params: dict[str, Any] = {
        "hostname": "bakery.localhost",
        "apps": ["base"],
        "admin": {"login": "owner", "email": "owner@bakery.example", "password": None},
        "company": {"name": "Bakery"},
        "prepared": True,
    }
    return workshop.do("create_site", **(params | changes))


def read(workshop: Workshop) -> FakeSite | None:
    return find_site(workshop.folder / "fake" / workshop.bench_id, workshop.site_id)


def test_a_prepared_site_belongs_to_nobody(workshop: Workshop) -> None:
    job = prepare(workshop)
    assert job.status == "succeeded", job.error
    found = read(workshop)
    assert found is not None
    assert (found.hostname, found.company, list(found.users)) == ("", "Spare", ["owner"])


def test_prepared_twice_it_is_the_same(workshop: Workshop) -> None:
    prepare(workshop)
    before = read(workshop)
    again = prepare(workshop)
    assert [step.state for step in again.steps] == ["unchanged"] * 4
    assert read(workshop) == before


def test_a_failure_leaves_nothing_of_it(workshop: Workshop) -> None:
    prepare(workshop)
    workshop.trouble("probe_site.before")
    job = give(workshop)
    assert job.error is not None
    assert job.error.compensated
    assert read(workshop) is None


def test_one_that_is_gone_is_told_and_nothing_is_made(workshop: Workshop) -> None:
    job = give(workshop)
    assert job.error is not None
    assert (job.error.code, job.error.compensated) == ("spare_missing", True)
    assert read(workshop) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"prepared": False},
        {"admin": {"login": "owner", "email": "owner@bakery.example", "password": REF}},
    ],
    ids=["no password", "two passwords"],
)
def test_a_new_site_needs_a_password_and_a_prepared_one_has_it(
    workshop: Workshop, changes: dict[str, Any]
) -> None:
    with pytest.raises(Exception, match="do not fit create_site"):
        give(workshop, **changes)
