"""Changing a site from the command line: asked, followed step by step, told in one sentence."""

import io
from collections.abc import Iterator
from typing import Any

import pytest

from press_app.cli.failures import CommandFailed
from press_app.cli.site_changes import read_setting, send_patiently
from press_app.servers import service as servers
from press_app.sites import service as sites
from press_app.sites.lifecycle import Wanted
from press_app.sites.model import Site
from tests.factories.servers import make_bench, make_release
from tests.press_app.cli.conftest import Press
from tests.press_app.driver import Driver

Answer = CommandFailed | dict[str, Any]


@pytest.fixture
def site(driver: Driver) -> Site:
    """A site with the ERP alone, on a plan that grants more."""
    made = driver.active_site()
    driver.observe(plan_code="business")
    return made


@pytest.mark.usefixtures("busy_hosts")
class TestApps:
    def test_are_installed_and_removed(self, press: Press, site: Site) -> None:
        said = press("site", "install-app", site.name, "crm", "hr")
        assert said.status == 0, said.err
        assert said.out.strip() == "acme.localhost: Apps: crm, hr installed. It was closed for 12.5 s."
        removed = press("site", "remove-app", site.name, "hr", "--yes", "--json").json
        assert removed["apps"] == ["base", "crm"]
        table = press("site", "apps", site.name).out
        assert "can be installed" in table
        assert "Leads and opportunities" in table

    def test_a_removal_says_what_is_lost_and_asks(
        self, press: Press, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        press("site", "install-app", site.name, "crm")
        monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
        said = press("site", "remove-app", site.name, "crm")
        assert said.status != 0
        assert "All data of it are lost" in said.err
        assert "a backup is taken first" in said.err
        assert press("site", "show", site.name, "--json").json["apps"] == ["base", "crm"]

    def test_refusals_are_one_sentence(self, press: Press, site: Site) -> None:
        for arguments, code in (
            (("remove-app", site.name, "crm", "--yes"), "app_not_there"),
            (("remove-app", site.name, "base", "--yes"), "app_needed"),
            (("install-app", site.name, "wiki"), "app_not_offered"),
            (("install-app", site.name, "base"), "nothing_to_change"),
        ):
            assert press("site", *arguments, "--json").problem["code"] == code


@pytest.mark.usefixtures("busy_hosts")
class TestOthers:
    def test_a_rename_is_explained(self, press: Press, site: Site) -> None:
        said = press("site", "rename", site.name, "bakery")
        assert said.status == 0, said.err
        assert "bakery.localhost: It is bakery.localhost now; acme.localhost leads there until" in said.out
        explained = press("site", "explain", "bakery").out
        assert "Visitors of acme.localhost are sent on to it for" in explained
        assert "Last change" in explained

    def test_an_update_and_a_move_back(self, press: Press, site: Site, driver: Driver) -> None:
        with driver.work.begin(actor="test") as uow:
            server = servers.get_server(uow.session, driver.server_id)
            there = make_bench(uow, server, release=make_release(uow, "tryton-9")).id
        said = press("site", "update", site.name, "--release", "tryton-9")
        assert said.status == 0, said.err
        assert "It serves from a bench of release tryton-9 now. It was closed for 12.5 s." in said.out
        assert press("site", "show", site.name, "--json").json["bench_id"] == there
        back = press("site", "move", site.name, "--bench", driver.bench_id, "--json").json
        assert back["bench_id"] == driver.bench_id

    def test_a_copy(self, press: Press, site: Site) -> None:
        said = press("site", "copy", site.name, "acme-copy")
        assert said.status == 0, said.err
        assert said.out.strip() == "acme-copy.localhost is a copy of acme and answers."
        assert "It is a copy: it sends no mail" in press("site", "explain", "acme-copy").out

    def test_settings_are_shown_set_and_taken_away(self, press: Press, site: Site) -> None:
        assert press("site", "config", site.name).out.strip() == "No settings."
        press("site", "config", site.name, "--set", "hours=8", "--set", "show_help=false")
        assert press("site", "config", site.name, "--json").json == {"hours": 8, "show_help": False}
        press("site", "config", site.name, "--unset", "hours", "--set", 'code="8"')
        assert press("site", "config", site.name, "--json").json == {"code": "8", "show_help": False}

    def test_settings_of_an_archived_site_need_no_job(self, press: Press, driver: Driver, site: Site) -> None:
        with driver.work.begin(actor="owner") as uow:
            sites.set_wanted(uow, sites.get_site(uow.session, site.id), Wanted.ARCHIVED, why="asked")
        driver.finish_all()
        said = press("site", "config", site.name, "--set", "hours=8")
        assert "Settings changed: hours. They count when it comes back." in said.out


class TestReadSetting:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("k=true", True),
            ("k=-12", -12),
            ("k=1.5", "1.5"),
            ("k=", ""),
            ('k="true"', "true"),
            ("k=a=b", "a=b"),
            ("k=٣", "٣"),
        ],
    )
    def test_values_are_what_they_look_like(self, text: str, value: object) -> None:
        assert read_setting(text) == ("k", value)

    @pytest.mark.parametrize("text", ["k", "=v", ""])
    def test_what_is_no_setting(self, text: str) -> None:
        with pytest.raises(CommandFailed):
            read_setting(text)


class TestBusy:
    def test_a_backup_of_the_schedule_is_waited_for(self) -> None:
        answers: Iterator[Answer] = iter(
            [CommandFailed("Busy with: Back up acme.", code="busy"), {"job_id": "1"}]
        )
        assert send_patiently(lambda: play(answers)) == {"job_id": "1"}

    def test_any_other_refusal_is_told_at_once(self) -> None:
        answers: Iterator[Answer] = iter([CommandFailed("No.", code="not_entitled"), {"job_id": "1"}])
        with pytest.raises(CommandFailed, match="No"):
            send_patiently(lambda: play(answers))


def play(answers: Iterator[Answer]) -> dict[str, Any]:
    answer = next(answers)
    if isinstance(answer, CommandFailed):
        raise answer
    return answer
