"""Column types and engines, on both databases."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import StatementError

from press_app.kit.db import Database
from press_app.teams.model import Role, Team
from press_app.work.unit_of_work import Work
from tests.factories.teams import make_member, make_team


class TestMoment:
    def test_comes_back_aware_with_microseconds(self, work: Work) -> None:
        moment = datetime(2026, 3, 29, 3, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
        with work.begin(actor="test") as uow:
            team = make_team(uow)
            team.created_at = moment
        with work.read() as session:
            stored = session.get_one(Team, team.id).created_at
        assert stored == moment
        assert stored.tzinfo is UTC

    def test_refuses_a_moment_without_zone(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            team = make_team(uow)

        def write() -> None:
            with work.begin(actor="test") as uow:
                uow.session.get_one(Team, team.id).created_at = datetime(2026, 1, 1)  # noqa: DTZ001 - what is refused

        with pytest.raises(StatementError, match="without zone"):
            write()


class TestChoice:
    def test_stores_the_word(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            user = make_member(uow, make_team(uow), Role.BILLING)
            uow.session.flush()
            query = text("SELECT role FROM membership WHERE user_id = :id")
            assert uow.session.execute(query, {"id": user.id}).scalar() == "billing"


class TestExact:
    def test_tells_case_accents_and_blanks_apart(self, work: Work) -> None:
        refs = ["acme", "Acme", "acme ", "acmé"]
        with work.begin(actor="test") as uow:
            for ref in refs:
                make_team(uow, customer_ref=ref)
        with work.read() as session:
            for ref in refs:
                assert session.scalars(select(Team.customer_ref).where(Team.customer_ref == ref)).all() == [
                    ref
                ]


class TestErrors:
    def test_do_not_show_what_was_stored(self, database: Database) -> None:
        with database.begin() as session, pytest.raises(Exception, match="no_such_table") as failure:
            session.execute(text("SELECT * FROM no_such_table WHERE x = :secret"), {"secret": "canary"})
        assert "canary" not in str(failure.value)
