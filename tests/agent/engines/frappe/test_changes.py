"""Frappe sites that are changed as a whole: apps, release, settings, home, copies."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from agent.engines.errors import AppNeeded, AppUnknown, ConfigRefused, LocaleUnknown
from agent.engines.frappe.probe import FrappeClient, FrappeProbe
from agent.engines.port import BenchSpec, ConfigValue, Locale, SiteSpec
from agent.errors import AgentError
from agent.host.mariadb import fetch_all
from tests.agent.engines.frappe.deployed import Deployed, describe, started
from tests.agent.engines.frappe.test_engine import databases_of, folder_of, settings_of
from tests.factories.frappe_app import APP, notes_app

pytestmark = [pytest.mark.frappe, pytest.mark.docker, pytest.mark.timeout(3600)]
PROBE = FrappeProbe(())
GERMANY = Locale(country="DE", currency="EUR", language="de", time_zone="Europe/Berlin")


def callers(bench: Deployed, site: SiteSpec) -> list[int]:
    """Which of a site's webhooks are on."""
    record = folder_of(bench).read_record(site.site_id)
    assert record is not None
    with bench.databases.opened(record) as cursor:
        return [int(enabled) for (enabled,) in fetch_all(cursor, "SELECT enabled FROM tabWebhook")]


def add_caller(bench: Deployed, site: SiteSpec) -> None:
    record = folder_of(bench).read_record(site.site_id)
    assert record is not None
    with bench.databases.opened(record) as cursor:
        cursor.execute("INSERT INTO tabWebhook (name, enabled) VALUES ('HOOK-0001', 1)")


def note(bench: Deployed, site: SiteSpec, text: str) -> None:
    with FrappeClient(bench.door(site)) as client:
        client.log_in()
        client.post("/api/resource/Site Note", {"text": text})


def notes(bench: Deployed, site: SiteSpec, *fields: str) -> list[dict[str, object]]:
    with FrappeClient(bench.door(site)) as client:
        client.log_in()
        found = client.get("/api/resource/Site Note", fields=json.dumps(["text", *fields]))
        rows: list[dict[str, object]] = found["data"]
        return rows


def close(bench: Deployed, site: SiteSpec) -> None:
    bench.engine.ensure_site_closed(site.bench_id, site.site_id)


def serve(bench: Deployed, site: SiteSpec) -> None:
    bench.engine.ensure_site_serving(site.bench_id, site.site_id, site.hostname)
    bench.engine.probe_site(site.bench_id, site.site_id, site.hostname)


def with_apps(bench: Deployed, site: SiteSpec, *apps: str) -> bool:
    close(bench, site)
    try:
        return bench.engine.ensure_apps(site.bench_id, site.site_id, apps, print)
    finally:
        serve(bench, site)


class TestApps:
    def test_come_and_go_on_a_site_that_is_used(self, bench: Deployed) -> None:
        site = bench.create()
        PROBE.write_record(bench.door(site), "Ada")
        assert bench.engine.list_apps(site.bench_id, site.site_id) == ("base",)
        assert with_apps(bench, site, "base", APP)
        assert not with_apps(bench, site, "base", APP)
        assert bench.engine.list_apps(site.bench_id, site.site_id) == ("base", APP)
        note(bench, site, "hello")
        assert [row["text"] for row in notes(bench, site)] == ["hello"]
        assert with_apps(bench, site, "base")
        assert bench.engine.list_apps(site.bench_id, site.site_id) == ("base",)
        with pytest.raises(requests.HTTPError):
            notes(bench, site)
        assert PROBE.list_records(bench.door(site)) == ["Ada"]

    def test_that_the_release_lacks_are_refused(self, bench: Deployed) -> None:
        site = bench.create()
        with pytest.raises(AppUnknown):
            bench.engine.ensure_apps(site.bench_id, site.site_id, ("base", "payroll"), print)
        assert bench.engine.list_apps(site.bench_id, site.site_id) == ("base",)

    def test_erpnext_stays(self, bench: Deployed) -> None:
        if "erpnext" not in {source.app for source in bench.bench.sources}:
            pytest.skip("set PRESS_TEST_ERPNEXT_GIT to try it on a site with ERPNext")
        site = bench.create()
        with pytest.raises(AppNeeded):
            bench.engine.ensure_apps(site.bench_id, site.site_id, ("frappe", APP), print)

    def test_a_site_that_is_made_with_an_app_has_it(self, bench: Deployed) -> None:
        site = bench.create(apps=("base", APP))
        note(bench, site, "from the first day")
        assert [row["text"] for row in notes(bench, site)] == ["from the first day"]


class TestUp:
    def test_is_said_by_the_database_of_a_site_that_serves(self, bench: Deployed) -> None:
        site = bench.create()

        def ask() -> int:
            headers = {"Host": site.hostname}
            return requests.get(f"{bench.url}/-/up", headers=headers, timeout=30).status_code

        assert ask() == 200
        close(bench, site)
        assert ask() == 503
        serve(bench, site)
        (database,) = databases_of(bench, site)
        with bench.databases.server.connected() as cursor:
            cursor.execute(f"ALTER USER '{database}'@'localhost' ACCOUNT LOCK")
        assert ask() >= 500


class TestClosing:
    def test_lets_nobody_in_and_keeps_sessions(self, bench: Deployed) -> None:
        site = bench.create()
        with FrappeClient(bench.door(site)) as client:
            client.log_in()
            close(bench, site)
            assert settings_of(bench, site)["maintenance_mode"] == 1
            with pytest.raises(requests.HTTPError, match="503"):
                client.get("/api/resource/Contact")
            serve(bench, site)
            client.get("/api/resource/Contact")

    def test_leaves_a_suspended_site_suspended(self, bench: Deployed) -> None:
        site = bench.create()
        bench.engine.ensure_site_suspended(site.bench_id, site.site_id, "unpaid")
        close(bench, site)
        bench.engine.ensure_site_serving(site.bench_id, site.site_id, site.hostname)
        assert not PROBE.can_log_in(bench.door(site))
        found = bench.engine.find_site(site.bench_id, site.site_id)
        assert found is not None
        assert found.state == "suspended"

    def test_waits_for_the_jobs_that_it_has_queued(self, bench: Deployed) -> None:
        site = bench.create(apps=("base", APP))
        with FrappeClient(bench.door(site)) as client:
            client.log_in()
            for _ in range(3):
                client.post("/api/method/notes.jobs.start", {"seconds": 1.0})
        close(bench, site)
        serve(bench, site)
        assert len(notes(bench, site)) == 3


class TestConfig:
    def test_counts_until_it_is_taken_back(self, bench: Deployed) -> None:
        site = bench.create()
        own = (site.bench_id, site.site_id)
        wanted: dict[str, ConfigValue] = {"max_file_size": 2_000_000, "custom_colour": "blue"}
        assert bench.engine.ensure_config(*own, wanted)
        assert not bench.engine.ensure_config(*own, wanted)
        assert bench.engine.find_config(*own) == wanted
        assert settings_of(bench, site).items() >= wanted.items()
        bench.engine.ensure_site_suspended(*own, "unpaid")
        bench.engine.ensure_site_resumed(*own)
        assert settings_of(bench, site).items() >= wanted.items()
        assert bench.engine.ensure_config(*own, {})
        assert not settings_of(bench, site).keys() & wanted.keys()

    @pytest.mark.parametrize(
        "config",
        [
            {"db_host": "elsewhere"},
            {"maintenance_mode": True},
            {"developer_mode": 1},
            {"max_file_size": "much"},
            {"max_file_size": True},
            {"mute_emails": 1},
            {"notes_api_key": "abc"},
            {"custom_auth": "abc"},
            {"notes_pwd": "abc"},
            {"sentry_dsn": "https://example.com"},
        ],
    )
    def test_of_the_platform_or_of_no_kind_is_refused(
        self, bench: Deployed, config: dict[str, str | int | bool]
    ) -> None:
        site = bench.create()
        before = settings_of(bench, site)
        with pytest.raises(ConfigRefused):
            bench.engine.ensure_config(site.bench_id, site.site_id, config)
        assert settings_of(bench, site) == before


class TestHome:
    def test_a_company_has_its_own_country(self, bench: Deployed) -> None:
        site = bench.create("Müller & Söhne GmbH", locale=GERMANY)
        with FrappeClient(bench.door(site)) as client:
            client.log_in()
            said = client.get("/api/resource/System Settings/System Settings")["data"]
        assert (said["country"], said["currency"], said["language"], said["time_zone"]) == (
            "Germany",
            "EUR",
            "de",
            "Europe/Berlin",
        )
        assert not bench.engine.ensure_template(site.bench_id, site.apps, GERMANY, print)

    @pytest.mark.parametrize(
        "change", [{"country": "XX"}, {"currency": "QQQ"}, {"language": "xx"}, {"time_zone": "Moon/Base"}]
    )
    def test_that_frappe_does_not_know_makes_nothing(self, bench: Deployed, change: dict[str, str]) -> None:
        with bench.databases.server.connected() as cursor:
            before = set(fetch_all(cursor, "SHOW DATABASES"))
        with pytest.raises(LocaleUnknown):
            bench.create(locale=replace(GERMANY, **change))
        with bench.databases.server.connected() as cursor:
            assert set(fetch_all(cursor, "SHOW DATABASES")) == before


class TestCopy:
    def test_is_a_site_of_its_own_that_says_nothing(self, bench: Deployed, tmp_path: Path) -> None:
        site = bench.create()
        PROBE.write_record(bench.door(site), "Ada")
        add_caller(bench, site)
        bench.engine.write_backup(site.bench_id, site.site_id, tmp_path / "backup")
        copy = replace(site, site_id=f"{site.site_id[:-6]}c0ffee", hostname="copy.localhost")
        own = (copy.bench_id, copy.site_id)
        bench.engine.ensure_restored(*own, copy.hostname, tmp_path / "backup")
        bench.engine.ensure_config(*own, {})
        bench.engine.ensure_site_muted(*own)
        serve(bench, copy)
        assert settings_of(bench, copy)["mute_emails"] == 1
        assert settings_of(bench, copy)["pause_scheduler"] == 1
        assert settings_of(bench, copy)["encryption_key"] == settings_of(bench, site)["encryption_key"]
        assert (callers(bench, site), callers(bench, copy)) == ([1], [0])
        PROBE.write_record(bench.door(copy), "Grace")
        assert PROBE.list_records(bench.door(site)) == ["Ada"]
        assert sorted(PROBE.list_records(bench.door(copy))) == ["Ada", "Grace"]


@pytest.fixture(scope="module")
def newer(bench: Deployed) -> Iterator[BenchSpec]:
    yield from other(bench, "second")


@pytest.fixture(scope="module")
def broken(bench: Deployed) -> Iterator[BenchSpec]:
    yield from other(bench, "broken")


def other(bench: Deployed, release: str) -> Iterator[BenchSpec]:
    """A bench beside the first, of a later commit of the app; it keeps no template."""
    spec = describe((*bench.bench.sources[:-1], notes_app(release)))
    bench.engine.ensure_release(spec, print)
    with started(bench.engine, spec):
        yield spec


def move(bench: Deployed, site: SiteSpec, to: BenchSpec, work: Path) -> SiteSpec:
    """By the steps of ``move_site``, all but the last."""
    close(bench, site)
    bench.engine.write_backup(site.bench_id, site.site_id, work / "moved")
    bench.engine.ensure_restored(to.bench_id, site.site_id, site.hostname, work / "moved")
    bench.engine.ensure_site_migrated(to.bench_id, site.site_id, print)
    bench.engine.ensure_site_serving(to.bench_id, site.site_id, site.hostname)
    bench.engine.probe_site(to.bench_id, site.site_id, site.hostname)
    return replace(site, bench_id=to.bench_id)


class TestMigration:
    def test_brings_a_site_to_a_newer_commit_on_another_bench(
        self, bench: Deployed, newer: BenchSpec, tmp_path: Path
    ) -> None:
        site = bench.create(apps=("base", APP))
        note(bench, site, "written before")
        moved = move(bench, site, newer, tmp_path)
        assert bench.engine.ensure_site_dropped(site.bench_id, site.site_id)
        there = replace(bench, bench=newer)
        assert notes(there, moved, "mood") == [{"text": "written before", "mood": "calm"}]
        assert not bench.engine.ensure_site_migrated(newer.bench_id, site.site_id, print)
        assert bench.engine.find_site(site.bench_id, site.site_id) is None
        assert len(databases_of(bench, site)) == 1
        assert not folder_of(bench).data(site.site_id).exists()

    def test_that_fails_leaves_what_stood(self, bench: Deployed, broken: BenchSpec, tmp_path: Path) -> None:
        site = bench.create(apps=("base", APP))
        PROBE.write_record(bench.door(site), "Ada")
        note(bench, site, "mine")
        with pytest.raises(AgentError, match="always fails"):
            move(bench, site, broken, tmp_path)
        assert bench.engine.ensure_site_dropped(broken.bench_id, site.site_id)
        serve(bench, site)
        assert PROBE.list_records(bench.door(site)) == ["Ada"]
        assert [row["text"] for row in notes(bench, site)] == ["mine"]
        assert len(databases_of(bench, site)) == 1
