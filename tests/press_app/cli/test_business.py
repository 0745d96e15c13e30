"""Subscriptions, plans, teams, findings and events from the command line."""

import json

from tests.press_app.cli.conftest import Press
from tests.press_app.driver import Driver


class TestSubscription:
    def test_they_are_listed_with_their_sites(self, press: Press, driver: Driver) -> None:
        site = driver.active_site()
        (listed,) = press("subscription", "list", "--json").json["items"]
        assert (listed["external_id"], listed["sites"][0]["id"]) == ("acme", site.id)
        assert "acme (active)" in press("subscription", "list").out

    def test_one_that_is_not_there_is_said(self, press: Press) -> None:
        assert press("subscription", "show", "x", "--json").problem["code"] == "subscription_unknown"


class TestGuard:
    def test_nothing_waits(self, press: Press) -> None:
        assert not press("billing", "guard", "--json").json["is_tripped"]
        assert "nothing waits" in press("billing", "guard").out

    def test_releasing_an_open_one_is_refused(self, press: Press) -> None:
        assert press("billing", "guard", "--release", "--json").problem["code"] == "guard_not_tripped"


def test_a_plan_is_changed(press: Press) -> None:
    said = press(
        "plan", "change", "starter", "--app", "base", "--app", "wiki", "--max-sites", "unlimited", "--json"
    )
    assert (said.json["apps"], said.json["max_sites"]) == (["base", "wiki"], None)
    assert press("plan", "change", "starter", "--max-users", "7", "--json").json["max_users"] == 7
    for wrong in ((), ("--max-users", "many")):
        assert press("plan", "change", "starter", *wrong).status == 2


def test_plans_need_no_token(press: Press) -> None:
    items = press("plan", "list", "--json", token="").json["items"]
    assert [plan["code"] for plan in items] == ["starter", "business", "enterprise"]
    assert "29.00 EUR monthly" in press("plan", "list").out


class TestTeam:
    def test_a_member_comes_and_goes(self, press: Press, driver: Driver) -> None:
        team = driver.active_site().team_id
        member = press("team", "add-member", team, "ada@example.com", "--role", "developer", "--json").json
        listed = press("team", "show", team, "--json").json["members"]
        assert ("ada@example.com", "developer") in {(row["email"], row["role"]) for row in listed}
        assert press("team", "remove-member", team, member["user_id"]).status == 0
        assert member["user_id"] not in press("team", "show", team).out

    def test_teams_are_listed_with_their_customer(self, press: Press, driver: Driver) -> None:
        driver.active_site()
        (team,) = press("team", "list", "--json").json["items"]
        assert team["customer_ref"]


class TestPromises:
    def test_all_hold(self, press: Press) -> None:
        said = press("findings")
        assert (said.status, said.out) == (0, "Every promise holds.\n")

    def test_they_are_listed(self, press: Press) -> None:
        names = [row["name"] for row in press("invariants", "--json").json["items"]]
        assert "uncovered-sites" in names


class TestEvents:
    def test_what_happened_to_a_site_comes_in_order(self, press: Press, driver: Driver) -> None:
        site = driver.active_site()
        lines = press("events", "--site", site.name, "--json").out.splitlines()
        events = [json.loads(line) for line in lines]
        assert {event["subject"] for event in events} == {site.target}
        assert [event["id"] for event in events] == sorted(event["id"] for event in events)
        assert events[-1]["kind"] == "site.active"
