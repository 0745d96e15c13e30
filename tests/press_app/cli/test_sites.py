"""Sites from the command line: found by name, explained, moved, waited for."""

import io

import pytest

from tests.press_app.cli.conftest import Press
from tests.press_app.driver import Driver


class TestFinding:
    def test_by_name_by_hostname_and_by_id(self, press: Press, driver: Driver) -> None:
        site = driver.active_site()
        for ref in (site.name, site.hostname, site.id):
            assert press("site", "show", str(ref), "--json").json["id"] == site.id

    def test_one_that_is_not_there_is_said(self, press: Press) -> None:
        said = press("site", "show", "nobody", "--json")
        assert (said.status, said.problem["code"]) == (1, "site_unknown")

    def test_the_table_has_every_site(self, press: Press, driver: Driver) -> None:
        site = driver.active_site()
        said = press("site", "list").out
        assert site.id in said
        assert "active" in said


class TestHold:
    def test_it_suspends_with_its_reason_and_is_lifted(self, press: Press, driver: Driver) -> None:
        site = driver.active_site()
        held = press("site", "hold", site.name, "Somebody abuses it.", "--json").json
        assert [hold["message"] for hold in held["holds"]] == ["Somebody abuses it."]
        driver.finish_all()
        assert press("site", "show", site.name, "--json").json["status"] == "suspended"
        said = press("site", "unhold", site.name).out
        assert "it is opened again" in said
        driver.finish_all()
        assert press("site", "wait", site.name, "--json").json["status"] == "active"


class TestExplain:
    def test_a_held_site_says_who_holds_it_and_what_is_next(self, press: Press, driver: Driver) -> None:
        site = driver.active_site()
        press("site", "hold", site.name, "Somebody abuses it.")
        driver.finish_all()
        said = press("site", "explain", site.name).out
        assert f"{site.hostname} is suspended" in said
        assert "operator hold" in said
        assert "Somebody abuses it." in said
        assert "Next: it runs again when the last hold is lifted." in said
        assert "seen from outside with 402" in said

    def test_programs_get_site_words_and_timeline(self, press: Press, driver: Driver) -> None:
        site = driver.active_site()
        said = press("site", "explain", site.name, "--lines", "2", "--json").json
        assert said["site"]["id"] == site.id
        assert len(said["timeline"]) == 2
        assert said["explanation"][-1] == "Next: nothing; it is as it should be."


class TestArchive:
    @pytest.mark.usefixtures("busy_hosts")
    def test_it_is_archived_waited_for_and_undone(self, press: Press, driver: Driver) -> None:
        press("subscription", "list", "--json")
        driver.observe()
        press("site", "wait", "acme", "--json")
        site = press("site", "list", "--json").json["items"][0]
        press("site", "wait", site["name"], "--timeout", "30", "--json")
        assert press("site", "archive", site["name"], "--yes", "--json").json["wanted"] == "archived"
        archived = press("site", "wait", site["name"], "--status", "archived", "--timeout", "30", "--json")
        assert archived.status == 0, archived.err
        (backup,) = press("backup", "list", site["name"], "--json").json["items"]
        assert backup["verified_at"]
        assert press("site", "undo", site["name"], "--json").json["wanted"] == "running"
        assert press("site", "wait", site["name"], "--timeout", "30", "--json").json["status"] == "active"

    def test_it_asks_before_it_closes_the_door(
        self, press: Press, driver: Driver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site = driver.active_site()
        monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
        said = press("site", "archive", site.name)
        assert said.status != 0
        assert f"Close {site.hostname} for its users" in said.err
        assert press("site", "show", site.name, "--json").json["wanted"] == "running"


class TestTeam:
    def test_a_site_is_ordered_for_a_team_by_its_name(self, press: Press, driver: Driver) -> None:
        driver.active_site()
        (team,) = press("team", "list", "--json").json["items"]
        order = ("site", "create", "second", "--company", "Acme", "--email", "owner@acme.example", "--json")
        made = press(*order, "--team", team["name"])
        assert made.json["team_id"] == team["id"], made.err
        assert press(*order, "--team", team["id"]).problem["code"] == "site_name_taken"
        assert press("team", "show", team["name"], "--json").json["id"] == team["id"]

    def test_one_that_is_not_there_is_said(self, press: Press) -> None:
        said = press("team", "show", "nobody", "--json")
        assert (said.status, said.problem["code"]) == (1, "team_unknown")


class TestHome:
    def test_of_the_company_can_be_named(self, press: Press, driver: Driver) -> None:
        driver.active_site()
        (team,) = press("team", "list", "--json").json["items"]
        order = ("--team", team["id"], "--company", "Martin", "--email", "o@martin.example", "--json")
        home = ("--country", "FR", "--currency", "EUR", "--time-zone", "Europe/Paris")
        made = press("site", "create", "martin", *order, *home).json
        assert made["locale"] == {
            "country": "FR",
            "currency": "EUR",
            "language": "en",
            "time_zone": "Europe/Paris",
        }


class TestWait:
    def test_it_gives_up_in_time_and_says_where_it_stands(self, press: Press, driver: Driver) -> None:
        site = driver.active_site()
        said = press("site", "wait", site.name, "--status", "archived", "--timeout", "0.2", "--json")
        assert (said.status, said.problem["code"]) == (1, "not_in_time")
        assert said.problem["last"] == "active"


@pytest.mark.usefixtures("busy_hosts")
class TestWithHosts:
    def test_a_login_link_is_made(self, press: Press, driver: Driver) -> None:
        driver.observe()
        press("site", "wait", only_site(press), "--timeout", "30")
        said = press("site", "login-link", only_site(press))
        assert said.status == 0, said.err
        assert "/-/login#login_" in said.out

    def test_a_backup_is_taken_and_restored(self, press: Press, driver: Driver) -> None:
        driver.observe()
        press("site", "wait", only_site(press), "--timeout", "30")
        backup = press("site", "backup", only_site(press), "--json")
        assert backup.status == 0, backup.err
        assert backup.json["verified_at"]
        restored = press("site", "restore", only_site(press), backup.json["id"], "--yes", "--json")
        assert restored.json["status"] == "succeeded"

    def test_a_password_is_shown_once(self, press: Press, driver: Driver) -> None:
        driver.observe()
        press("site", "wait", only_site(press), "--timeout", "30")
        login, _, password = press("site", "password", only_site(press)).out.strip().partition("  ")
        assert login == "owner"
        assert len(password) >= 10


def only_site(press: Press) -> str:
    found = press("site", "list", "--json").json["items"]
    assert len(found) == 1
    return str(found[0]["id"])


def test_retry_of_what_is_well_is_refused(press: Press, driver: Driver) -> None:
    site = driver.active_site()
    assert press("site", "retry", site.name, "--json").problem["code"] == "site_not_ready"


def test_an_operator_orders_a_site_for_a_team(press: Press, driver: Driver) -> None:
    team = driver.active_site().team_id
    said = press(
        "site",
        "create",
        "second",
        "--team",
        team,
        "--company",
        "Second",
        "--email",
        "o@second.example",
        "--json",
    )
    assert said.status == 0, said.err
    assert said.json["hostname"] == "second.localhost"
