"""What a site is made of: apps, release, settings, silence, each changed on a real bench and seen by its people."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from agent.engines.errors import AppNeeded, AppUnknown, BenchNotHealthy, ConfigRefused, SiteBusy
from agent.engines.port import SiteSpec, SiteState
from agent.engines.tryton import changes, database
from agent.engines.tryton.host_releases import HostReleases
from agent.engines.tryton.probe import TrytonClient, TrytonProbe
from agent.executors.port import ProgramSpec
from agent.executors.process import ProcessExecutor
from agent.host.locks import file_lock
from agent.host.shell import CommandFailed
from tests.agent.engines.tryton.deployed import Deployed, hung, make_engine

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(600)]
PROBE = TrytonProbe()


@contextmanager
def closed(bench: Deployed, site: SiteSpec) -> Iterator[tuple[str, str]]:
    """The site closed for the block, as the operations have it."""
    at = (site.bench_id, site.site_id)
    bench.engine.ensure_site_closed(*at)
    yield at
    bench.engine.ensure_site_serving(*at, site.hostname)


def change(bench: Deployed, site: SiteSpec, *apps: str) -> bool:
    with closed(bench, site) as at:
        return bench.engine.ensure_apps(*at, apps, bench.said.append)


def activate(client: TrytonClient, module: str) -> None:
    """Install a module from inside, as a tenant may."""
    found = client.do("model.ir.module.search", [["name", "=", module]], 0, None, None)
    client.do("model.ir.module.activate", found)
    session, _, _ = client.do("wizard.ir.module.activate_upgrade.create")
    client.do("wizard.ir.module.activate_upgrade.execute", session, {}, "upgrade")


def list_menus(client: TrytonClient) -> set[str]:
    found = client.do("model.ir.ui.menu.search_read", [], 0, None, None, ["name"])
    return {menu["name"] for menu in found}


class ForgetfulExecutor(ProcessExecutor):
    """Runs programs to their end, and then says that they failed."""

    def run_once(self, program: ProgramSpec, *, timeout_seconds: float) -> str:
        super().run_once(program, timeout_seconds=timeout_seconds)
        raise CommandFailed(("change",), 1, "killed")


class TestApps:
    def test_come_and_go_and_come_again(self, bench: Deployed) -> None:
        site = bench.create()
        PROBE.write_record(bench.door(site), "Kept")
        with bench.logged_in(site) as client:
            assert "Opportunities" not in list_menus(client)
        assert change(bench, site, "base", "crm") is True
        assert change(bench, site, "base", "crm") is False
        assert bench.engine.list_apps(site.bench_id, site.site_id) == ("base", "crm")
        with bench.logged_in(site) as client:
            assert {"Opportunities", "Marketing"} <= list_menus(client)
            party = client.do("model.party.party.search", [["name", "=", "Kept"]], 0, None, None)
            client.do("model.sale.opportunity.create", [{"party": party[0], "description": "Gears"}])
        assert change(bench, site, "hr", "base") is True
        assert bench.engine.list_apps(site.bench_id, site.site_id) == ("base", "hr")
        with bench.logged_in(site) as client:
            assert "Opportunities" not in list_menus(client)
            assert "Attendances" in list_menus(client)
        assert change(bench, site, "crm", "base") is True
        with bench.logged_in(site) as client:
            assert client.do("model.sale.opportunity.search_count", []) == 0
        assert "Kept" in PROBE.list_records(bench.door(site))

    def test_what_hangs_on_their_records_goes_too(self, bench: Deployed) -> None:
        site = bench.create(apps=("base", "crm", "hr"))
        with bench.logged_in(site) as client:
            (work,) = client.do("model.project.work.create", [{"name": "Dig", "type": "project"}])
            (note,) = client.do(
                "model.ir.note.create", [{"resource": f"project.work,{work}", "message": "!"}]
            )
            assert note
        assert change(bench, site, "base", "crm") is True
        with bench.logged_in(site) as client:
            assert client.do("model.ir.note.search_count", []) == 0
        tables = database_tables(bench, site)
        assert "project_work" not in tables
        assert "sale_opportunity" in tables

    def test_let_only_administrators_into_what_is_new(self, bench: Deployed) -> None:
        site = bench.create()
        PROBE.add_user(bench.door(site), "clerk")
        change(bench, site, "base", "crm")
        with bench.logged_in(site) as client:
            (clerk,) = client.do(
                "model.res.user.search_read", [["login", "=", "clerk"]], 0, None, None, ["groups"]
            )
        assert clerk["groups"] == []

    def test_are_refused_before_anything_is_touched(self, bench: Deployed) -> None:
        site = bench.create()
        before = bench.folder.database(site.site_id).stat().st_ino
        with pytest.raises(AppUnknown):
            change_now(bench, site, "base", "games")
        with pytest.raises(AppNeeded):
            change_now(bench, site, "crm")
        assert bench.folder.database(site.site_id).stat().st_ino == before
        assert PROBE.can_log_in(bench.door(site))

    def test_leave_modules_of_the_tenants_own_choice_alone(self, bench: Deployed) -> None:
        site = bench.create()
        with bench.logged_in(site) as client:
            activate(client, "marketing")
        assert change(bench, site, "base") is False
        assert change(bench, site, "base", "hr") is True
        with bench.logged_in(site) as client:
            active = [["name", "=", "marketing"], ["state", "=", "activated"]]
            assert client.do("model.ir.module.search_count", active) == 1

    def test_that_others_need_are_kept_in_tryton_s_own_words(self, bench: Deployed) -> None:
        site = bench.create()
        release = HostReleases(bench.settings).get(bench.bench.version)
        with (
            changes.copied(bench.folder, site.site_id) as copy,
            pytest.raises(AppNeeded, match="sale") as caught,
        ):
            changes.run(release, bench.executor, site.site_id, copy, remove=("product",))
        assert "modules depend on" in caught.value.message

    def test_are_changed_whole_or_not_at_all_when_the_bench_hangs(self, bench: Deployed) -> None:
        site = bench.create()
        impatient = make_engine(bench.settings, bench.executor, patience_seconds=0.4)
        with closed(bench, site) as at:
            with hung(bench), pytest.raises(BenchNotHealthy):
                impatient.ensure_apps(*at, ("base", "crm"), bench.said.append)
            assert bench.engine.list_apps(*at) == ("base",)
        assert PROBE.can_log_in(bench.door(site))

    def test_that_cannot_be_changed_leave_the_site_as_it_was(self, bench: Deployed) -> None:
        site = bench.create()
        PROBE.write_record(bench.door(site), "Kept")
        engine = make_engine(bench.settings, ForgetfulExecutor(bench.settings.data_dir), patience_seconds=0.3)
        with closed(bench, site) as at, pytest.raises(CommandFailed):
            engine.ensure_apps(*at, ("base", "crm"), bench.said.append)
        assert bench.engine.list_apps(site.bench_id, site.site_id) == ("base",)
        assert not bench.folder.work(site.site_id).exists()
        assert "Kept" in PROBE.list_records(bench.door(site))


def change_now(bench: Deployed, site: SiteSpec, *apps: str) -> bool:
    return bench.engine.ensure_apps(site.bench_id, site.site_id, apps, bench.said.append)


def database_tables(bench: Deployed, site: SiteSpec) -> set[str]:
    with closing(sqlite3.connect(bench.folder.database(site.site_id))) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


class TestMigration:
    def test_is_done_once_and_only_for_data_of_another_release(self, bench: Deployed) -> None:
        site = bench.create()
        PROBE.write_record(bench.door(site), "Kept")
        users = bench.engine.measure_usage(site.bench_id, site.site_id).users
        with closed(bench, site) as at:
            assert bench.engine.ensure_site_migrated(*at, bench.said.append) is False
            with database.opened(bench.folder.database(site.site_id)) as connection:
                connection.execute("PRAGMA user_version = 4711")
            assert bench.engine.ensure_site_migrated(*at, bench.said.append) is True
            assert bench.engine.ensure_site_migrated(*at, bench.said.append) is False
        assert "Kept" in PROBE.list_records(bench.door(site))
        assert bench.engine.measure_usage(site.bench_id, site.site_id).users == users


class TestConfig:
    def test_idle_people_log_in_again(self, bench: Deployed) -> None:
        site, other = bench.create(), bench.create()
        at = (site.bench_id, site.site_id)
        assert bench.engine.ensure_config(*at, {"session_idle_minutes": 20}) is True
        assert bench.engine.ensure_config(*at, {"session_idle_minutes": 20}) is False
        assert bench.engine.find_config(*at) == {"session_idle_minutes": 20}
        with bench.logged_in(site) as client, bench.logged_in(other) as neighbour:
            client.do("model.party.party.search_count", [])
            for idle in (site, other):
                self._be_idle(bench, idle, minutes=19)
            client.do("model.party.party.search_count", [])
            for idle in (site, other):
                self._be_idle(bench, idle, minutes=21)
            with pytest.raises(OSError, match="401"):
                client.do("model.party.party.search_count", [])
            neighbour.do("model.party.party.search_count", [])
        assert PROBE.can_log_in(bench.door(site))

    def test_work_keeps_people_in(self, bench: Deployed) -> None:
        site = bench.create()
        bench.engine.ensure_config(site.bench_id, site.site_id, {"session_idle_minutes": 20})
        with bench.logged_in(site) as client:
            for _ in range(3):
                self._be_idle(bench, site, minutes=15)
                client.do("model.party.party.search_count", [])

    def test_passwords_are_as_long_as_the_site_wants(self, bench: Deployed) -> None:
        site, other = bench.create(), bench.create()
        bench.engine.ensure_config(site.bench_id, site.site_id, {"password_length": 12})
        for each, is_taken in ((site, False), (other, True)):
            person = [{"name": "Clerk", "login": "clerk", "password": "nine-sign"}]
            with bench.logged_in(each) as client:
                if is_taken:
                    client.do("model.res.user.create", person)
                else:
                    with pytest.raises(Exception, match="12"):
                        client.do("model.res.user.create", person)

    @pytest.mark.parametrize(
        "config",
        [
            {"mute_emails": True},
            {"password_length": "12"},
            {"password_length": 4},
            {"session_idle_minutes": True},
        ],
    )
    def test_refuses_what_does_not_count(self, bench: Deployed, config: dict[str, bool | int | str]) -> None:
        site = bench.create()
        at = (site.bench_id, site.site_id)
        with pytest.raises(ConfigRefused):
            bench.engine.ensure_config(*at, config)
        assert bench.engine.ensure_config(*at, {}) is False
        assert bench.engine.find_config(*at) == {}

    def _be_idle(self, bench: Deployed, site: SiteSpec, *, minutes: int) -> None:
        """Let the last request of all sessions be so long ago."""
        with (
            file_lock(bench.folder.lock(site.site_id), timeout_seconds=5),
            database.opened(bench.folder.database(site.site_id)) as connection,
        ):
            past = f"datetime('now', '-{minutes} minutes')"
            connection.execute(f"UPDATE ir_session SET create_date = {past}, write_date = {past}")


class TestMuted:
    def test_sends_nothing_and_runs_nothing_for_good(self, bench: Deployed) -> None:
        site = bench.create()
        at = (site.bench_id, site.site_id)
        assert bench.engine.ensure_site_muted(*at) is True
        assert bench.engine.ensure_site_muted(*at) is False
        bench.engine.ensure_site_serving(*at, site.hostname)
        assert PROBE.is_muted(bench.door(site))
        mail = ("owner@example.com", "", "", "Hello", "Hello", None, ["party.party", 1], None, None)
        with bench.logged_in(site) as client, pytest.raises(Exception, match="is a copy"):
            client.do("model.ir.email.send", *mail)
        assert not PROBE.is_muted(bench.door(bench.create()))


class TestClosed:
    def test_answers_nobody_while_sessions_survive(self, bench: Deployed) -> None:
        site = bench.create()
        at = (site.bench_id, site.site_id)
        with bench.logged_in(site) as client:
            assert bench.engine.ensure_site_closed(*at) is True
            assert bench.engine.ensure_site_closed(*at) is False
            with pytest.raises(OSError, match="503"):
                client.do("model.party.party.search_count", [])
            bench.engine.ensure_site_serving(*at, site.hostname)
            assert client.do("model.party.party.search_count", []) >= 1

    def test_a_suspended_site_stays_so(self, bench: Deployed) -> None:
        site = bench.create()
        bench.engine.ensure_site_suspended(site.bench_id, site.site_id, "unpaid")
        with closed(bench, site):
            pass
        found = bench.engine.find_site(site.bench_id, site.site_id)
        assert found is not None
        assert found.state is SiteState.SUSPENDED

    def test_waits_for_whoever_works_on_the_data(self, bench: Deployed) -> None:
        site = bench.create()
        at = (site.bench_id, site.site_id)
        lock = bench.folder.lock(site.site_id)
        hasty = make_engine(bench.settings, bench.executor, idle_seconds=0.2)
        with file_lock(lock, timeout_seconds=5), pytest.raises(SiteBusy):
            hasty.ensure_site_closed(*at)
        held, may_end = threading.Event(), threading.Event()

        def work() -> None:
            with file_lock(lock, timeout_seconds=5):
                held.set()
                may_end.wait(0.5)

        worker = threading.Thread(target=work)
        worker.start()
        held.wait(5)
        bench.engine.ensure_site_closed(*at)
        assert not worker.is_alive() or may_end.is_set()
        worker.join()


class TestCopy:
    def test_lives_beside_the_site_that_it_was_made_from(self, bench: Deployed, tmp_path: Path) -> None:
        site = bench.create()
        PROBE.write_record(bench.door(site), "Both")
        bench.engine.write_backup(site.bench_id, site.site_id, tmp_path / "backup")
        copy = make_copy(site)
        at = (copy.bench_id, copy.site_id)
        bench.engine.ensure_restored(*at, copy.hostname, tmp_path / "backup")
        bench.engine.ensure_site_muted(*at)
        assert not PROBE.can_log_in(bench.door(copy))
        bench.engine.ensure_site_serving(*at, copy.hostname)
        PROBE.write_record(bench.door(copy), "Copy's")
        PROBE.write_record(bench.door(site), "Site's")
        assert {"Both", "Copy's"} <= set(PROBE.list_records(bench.door(copy)))
        assert "Copy's" not in PROBE.list_records(bench.door(site))
        assert "Site's" not in PROBE.list_records(bench.door(copy))
        assert PROBE.is_muted(bench.door(copy))
        assert not PROBE.is_muted(bench.door(site))


def make_copy(site: SiteSpec) -> SiteSpec:
    """The same people at another address."""
    site_id = str(uuid4())
    return replace(site, site_id=site_id, hostname=f"{site_id[:8]}.localhost")
