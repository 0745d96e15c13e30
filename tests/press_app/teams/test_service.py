"""People, teams and members, on both databases."""

import threading

import pytest

from press_app.kit.pagination import PageRequest
from press_app.teams import service
from press_app.teams.errors import (
    EmailInvalid,
    EmailTaken,
    LastOwner,
    MemberExists,
    MemberUnknown,
    OwnersOnly,
    PasswordWeak,
    PasswordWrong,
    TeamUnknown,
)
from press_app.teams.model import Role, Team, User
from press_app.work.unit_of_work import Work
from tests.factories.teams import PASSWORD, make_member, make_team, make_user


class TestCreateUser:
    def test_stores_the_address_in_lower_case_and_no_password(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            user = make_user(uow, email=" Ada@Example.ORG ", password=PASSWORD)
        with work.read() as session:
            stored = service.get_user(session, user.id)
        assert stored.email == "ada@example.org"
        assert stored.password_hash is not None
        assert stored.password_hash.startswith("$argon2id$")
        assert PASSWORD not in stored.password_hash

    def test_refuses_a_second_account_of_an_address(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            make_user(uow, email="ada@example.org")
        with pytest.raises(EmailTaken), work.begin(actor="test") as uow:
            make_user(uow, email="ADA@example.org")

    @pytest.mark.parametrize("email", ["", "ada", "ada@localhost", "a b@example.org", "a@b@c.de", "a\n@b.de"])
    def test_refuses_what_is_no_address(self, work: Work, email: str) -> None:
        with pytest.raises(EmailInvalid), work.begin(actor="test") as uow:
            make_user(uow, email=email)

    @pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaa", "ada@example.org", "x" * 201])
    def test_refuses_passwords_that_are_guessed_first(self, work: Work, password: str) -> None:
        with pytest.raises(PasswordWeak), work.begin(actor="test") as uow:
            make_user(uow, email="ada@example.org", password=password)


class TestCheckPassword:
    def test_knows_the_right_password_in_any_spelling_of_the_address(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            user = make_user(uow, email="ada@example.org", password=PASSWORD)
        with work.read() as session:
            found, renewed = service.check_password(session, "ADA@example.org", PASSWORD)
        assert (found.id, renewed) == (user.id, None)

    def test_refuses_wrong_unknown_empty_and_disabled_alike(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            make_user(uow, email="ada@example.org", password=PASSWORD)
            make_user(uow, email="nopass@example.org")
            gone = make_user(uow, email="gone@example.org", password=PASSWORD)
            service.disable_user(uow, gone.id)
        messages = set()
        for email, password in (
            ("ada@example.org", "wrong"),
            ("nobody@example.org", PASSWORD),
            ("nopass@example.org", ""),
            ("gone@example.org", PASSWORD),
        ):
            with work.read() as session, pytest.raises(PasswordWrong) as refusal:
                service.check_password(session, email, password)
            messages.add(refusal.value.message)
        assert len(messages) == 1


class TestEnsureTeamForCustomer:
    def test_makes_the_team_and_an_owner_without_password(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            team = service.ensure_team_for_customer(
                uow, customer_ref="acme", name="Acme", email="Owner@acme.example"
            )
        with work.read() as session:
            owner = service.find_user(session, "owner@acme.example")
            assert owner is not None
            assert owner.password_hash is None
            assert service.list_roles(session, owner.id) == {team.id: Role.OWNER}

    def test_gives_the_same_team_again(self, work: Work) -> None:
        ids = set()
        for name in ("Acme", "Acme renamed"):
            with work.begin(actor="test") as uow:
                team = service.ensure_team_for_customer(
                    uow, customer_ref="acme", name=name, email="owner@acme.example"
                )
                ids.add(team.id)
        assert len(ids) == 1

    def test_keeps_customers_apart_whose_names_differ_in_case_only(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            lower = service.ensure_team_for_customer(uow, customer_ref="acme", name="a", email=None)
            upper = service.ensure_team_for_customer(uow, customer_ref="ACME", name="b", email=None)
            spaced = service.ensure_team_for_customer(uow, customer_ref="acme ", name="c", email=None)
            assert len({lower.id, upper.id, spaced.id}) == 3

    def test_makes_an_existing_person_the_owner(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            ada = make_user(uow, email="ada@example.org")
            team = service.ensure_team_for_customer(uow, customer_ref="x", name="X", email="ADA@example.org")
            assert service.get_member(uow.session, team.id, ada.id).role is Role.OWNER

    @pytest.mark.parametrize("email", [None, "", "not an address"])
    def test_makes_a_team_without_owner_when_nobody_can_be_reached(
        self, work: Work, email: str | None
    ) -> None:
        with work.begin(actor="test") as uow:
            team = service.ensure_team_for_customer(uow, customer_ref="x", name="", email=email)
            assert team.name == "x"
        with work.read() as session:
            assert service.list_members(session, team.id, PageRequest()).items == []

    def test_makes_one_team_and_one_owner_when_many_come_at_once(self, work: Work) -> None:
        start = threading.Barrier(6)
        made: list[str] = []

        def ensure() -> None:
            start.wait()
            with work.begin(actor="test") as uow:
                made.append(
                    service.ensure_team_for_customer(
                        uow, customer_ref="acme", name="Acme", email="o@acme.example"
                    ).id
                )

        threads = [threading.Thread(target=ensure) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(made) == 6
        assert len(set(made)) == 1
        with work.read() as session:
            assert session.query(Team).count() == 1
            assert session.query(User).count() == 1


class TestMembers:
    def test_adds_once(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            team = make_team(uow)
            user = make_member(uow, team, Role.VIEWER)
            with pytest.raises(MemberExists):
                service.add_member(uow, team.id, user.id, Role.ADMIN)
            with pytest.raises(MemberUnknown):
                service.add_member(uow, team.id, "nobody", Role.ADMIN)
            with pytest.raises(TeamUnknown):
                service.add_member(uow, "no-team", user.id, Role.ADMIN)

    def test_keeps_an_owner(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            owner = make_user(uow)
            team = make_team(uow, owner=owner)
            with pytest.raises(LastOwner):
                service.remove_member(uow, team.id, owner.id, by_owner=True)
            with pytest.raises(LastOwner):
                service.change_role(uow, team.id, owner.id, Role.ADMIN, by_owner=True)
            make_member(uow, team, Role.OWNER)
            service.remove_member(uow, team.id, owner.id, by_owner=True)
            assert service.list_roles(uow.session, owner.id) == {}

    def test_lets_only_owners_touch_owners(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            owner = make_user(uow)
            team = make_team(uow, owner=owner)
            other = make_member(uow, team, Role.DEVELOPER)
            for user_id, role in ((owner.id, Role.VIEWER), (other.id, Role.OWNER)):
                with pytest.raises(OwnersOnly):
                    service.change_role(uow, team.id, user_id, role, by_owner=False)
            with pytest.raises(OwnersOnly):
                service.remove_member(uow, team.id, owner.id, by_owner=False)
            assert service.change_role(uow, team.id, other.id, Role.ADMIN, by_owner=False).role is Role.ADMIN

    def test_pages_through_the_members(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            team = make_team(uow)
            make_team(uow)
            for _ in range(4):
                make_member(uow, team, Role.VIEWER)
        seen: list[str] = []
        request = PageRequest(limit=2)
        with work.read() as session:
            for expected in (2, 2, 1):
                page = service.list_members(session, team.id, request)
                assert len(page.items) == expected
                seen += [user.id for _, user in page.items]
                request = PageRequest(cursor=page.next_cursor, limit=2)
        assert request.cursor is None
        assert len(set(seen)) == 5
