"""What each role and each token may do: the tables, asked through the subject."""

import pytest

from press_app.access.errors import OperatorsOnly, RoleMissing, ScopeMissing
from press_app.access.rules import ROLE_ALLOWS, SUBSCRIPTIONS_WRITE, SYSTEM_SCOPES, TEAM_SCOPES, Permission
from press_app.access.subject import Subject, SubjectKind
from press_app.errors import NotFound
from press_app.teams.errors import TeamUnknown
from press_app.teams.model import Role
from tests.factories.access import make_person


def make_program(*scopes: str, team_id: str | None = None) -> Subject:
    return Subject(
        kind=SubjectKind.SYSTEM if team_id is None else SubjectKind.TOKEN,
        id="t",
        name="a program",
        roles={} if team_id is None else {team_id: Role.ADMIN},
        scopes=frozenset(scopes),
        is_operator="operator" in scopes,
    )


class TestTables:
    def test_give_every_role_something_and_nobody_more_than_the_owner(self) -> None:
        assert set(ROLE_ALLOWS) == set(Role)
        for role, allowed in ROLE_ALLOWS.items():
            assert Permission.TEAMS_READ in allowed, role
            assert allowed <= ROLE_ALLOWS[Role.OWNER]

    @pytest.mark.parametrize(
        ("role", "action"),
        [
            (Role.VIEWER, Permission.SITES_WRITE),
            (Role.VIEWER, Permission.SITES_LOGIN),
            (Role.VIEWER, Permission.BACKUPS_READ),
            (Role.VIEWER, Permission.BILLING_READ),
            (Role.BILLING, Permission.SITES_WRITE),
            (Role.BILLING, Permission.BACKUPS_READ),
            (Role.DEVELOPER, Permission.BILLING_READ),
            (Role.DEVELOPER, Permission.MEMBERS_WRITE),
            (Role.DEVELOPER, Permission.TOKENS_WRITE),
        ],
    )
    def test_keep_from_a_role_what_is_not_its_own(self, role: Role, action: Permission) -> None:
        assert not make_person({"a": role}).can("a", action)

    def test_let_no_token_make_tokens_or_members(self) -> None:
        assert not {"tokens:write", "members:write"} & SYSTEM_SCOPES
        assert TEAM_SCOPES < SYSTEM_SCOPES
        assert not {"operator", "subscriptions:write"} & TEAM_SCOPES


class TestRequireTeam:
    def test_hides_the_teams_of_others_behind_the_error_of_what_does_not_exist(self) -> None:
        who = make_person({"a": Role.OWNER})
        with pytest.raises(NotFound):
            who.require_team("b", Permission.SITES_READ)
        with pytest.raises(TeamUnknown):
            who.require_team("b", Permission.SITES_READ, missing=TeamUnknown("no team"))
        with pytest.raises(NotFound):
            who.require_team(None, Permission.SITES_READ)

    def test_says_whether_role_or_scope_is_missing(self) -> None:
        with pytest.raises(RoleMissing):
            make_person({"a": Role.VIEWER}).require_team("a", Permission.SITES_WRITE)
        with pytest.raises(ScopeMissing):
            make_program("sites:read", team_id="a").require_team("a", Permission.SITES_WRITE)
        with pytest.raises(NotFound):
            make_program("sites:write", team_id="a").require_team("b", Permission.SITES_WRITE)

    def test_lets_operators_and_scoped_programs_of_the_platform_in_everywhere(self) -> None:
        make_person(is_operator=True).require_team("a", Permission.SITES_WRITE)
        make_program("operator").require_team("a", Permission.TOKENS_WRITE)
        make_program("sites:write").require_team("a", Permission.SITES_WRITE)
        with pytest.raises(ScopeMissing):
            make_program("sites:read").require_team("a", Permission.SITES_WRITE)


class TestTeamIds:
    def test_lists_the_teams_in_which_it_is_allowed(self) -> None:
        who = make_person({"a": Role.OWNER, "b": Role.VIEWER, "c": Role.DEVELOPER})
        assert who.team_ids(Permission.SITES_WRITE) == ["a", "c"]
        assert make_person().team_ids(Permission.SITES_READ) == []

    def test_means_all_for_operators_and_for_programs_of_the_platform(self) -> None:
        assert make_person(is_operator=True).team_ids(Permission.SITES_READ) is None
        assert make_program("sites:read").team_ids(Permission.SITES_READ) is None

    def test_refuses_a_token_without_the_scope(self) -> None:
        with pytest.raises(ScopeMissing):
            make_program("subscriptions:write").team_ids(Permission.SITES_READ)
        with pytest.raises(ScopeMissing):
            make_program("jobs:read", team_id="a").team_ids(Permission.SITES_READ)


class TestPlatform:
    def test_is_for_operators(self) -> None:
        make_person(is_operator=True).require_operator()
        make_program("operator").require_operator()
        for who in (make_person({"a": Role.OWNER}), make_program("subscriptions:write")):
            with pytest.raises(OperatorsOnly):
                who.require_operator()

    def test_lets_a_program_of_the_platform_do_what_its_scope_says_and_no_customer(self) -> None:
        make_program(SUBSCRIPTIONS_WRITE).require_system(SUBSCRIPTIONS_WRITE)
        make_person(is_operator=True).require_system(SUBSCRIPTIONS_WRITE)
        with pytest.raises(ScopeMissing):
            make_program("sites:read").require_system(SUBSCRIPTIONS_WRITE)
        for who in (make_person({"a": Role.OWNER}), make_program(SUBSCRIPTIONS_WRITE, team_id="a")):
            with pytest.raises(OperatorsOnly):
                who.require_system(SUBSCRIPTIONS_WRITE)

    def test_names_the_caller_for_the_journal(self) -> None:
        person = make_person()
        assert person.actor == f"user:{person.id}"
        assert make_program("operator").actor == "token:t"
