"""A team has one key in versions, made when it is needed."""

import base64

import pytest
from sqlalchemy import func, select

from press_app.jobs import service as jobs
from press_app.jobs.model import Secret
from press_app.keys import service as keys
from press_app.keys.model import BackupKey
from press_app.kit.pagination import PageRequest
from press_app.teams.errors import TeamUnknown
from press_app.work.unit_of_work import Work
from tests.factories.teams import make_team
from tests.factories.threads import run_at_once


def make(work: Work, name: str = "Acme") -> str:
    with work.begin(actor="test") as uow:
        return make_team(uow, name=name).id


def name_newest(work: Work, team_id: str) -> dict[str, str]:
    with work.begin(actor="test") as uow:
        return keys.name_newest(uow, team_id)


class TestNameNewest:
    def test_makes_one_and_stays_with_it(self, work: Work) -> None:
        acme, other = make(work), make(work, "Other")
        assert name_newest(work, acme) == name_newest(work, acme)
        assert name_newest(work, acme) != name_newest(work, other)

    def test_is_a_key_that_the_database_alone_does_not_give_away(self, work: Work) -> None:
        ref = name_newest(work, make(work))["secret"]
        with work.begin(actor="test") as uow:
            value = jobs.open_secret(uow, ref)
            sealed = uow.session.scalars(select(Secret.sealed)).all()
        assert len(base64.urlsafe_b64decode(value)) == 32
        assert all(value.encode() not in each for each in sealed)

    def test_of_two_at_once_both_name_the_same(self, work: Work) -> None:
        team_id = make(work)
        named: list[str] = []
        assert run_at_once(4, lambda: named.append(name_newest(work, team_id)["id"])) == []
        assert (len(named), len(set(named))) == (4, 1)
        with work.read() as session:
            assert session.scalar(select(func.count()).select_from(BackupKey)) == 1

    def test_of_nobody(self, work: Work) -> None:
        with pytest.raises(TeamUnknown):
            name_newest(work, "00000000-0000-7000-8000-000000000000")


class TestRotate:
    def test_makes_the_next_version_and_keeps_the_older(self, work: Work) -> None:
        team_id = make(work)
        first = name_newest(work, team_id)
        with work.begin(actor="owner") as uow:
            second = keys.rotate(uow, team_id)
        assert name_newest(work, team_id) == keys.name_key(second.id) != first
        with work.read() as session:
            found = keys.list_keys(session, team_id, PageRequest())
        assert [(key.version, key.created_by) for key in found.items] == [(2, "owner"), (1, "test")]
        with work.begin(actor="test") as uow:
            assert jobs.open_secret(uow, first["secret"]) != jobs.open_secret(
                uow, keys.name_key(second.id)["secret"]
            )
