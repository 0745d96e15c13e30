"""The Tryton engine on a real bench: every step, twice, and what its users see of it."""

import json
from pathlib import Path

import pytest

from agent.engines.door.layout import NameInvalid
from agent.engines.door.site_files import HostnameTaken
from agent.engines.errors import (
    AppUnknown,
    BackupUnreadable,
    BenchUnknown,
    SiteNotHealthy,
    SiteUnknown,
    TemplateMissing,
)
from agent.engines.port import SiteState
from agent.engines.tryton.probe import TrytonProbe
from agent.engines.tryton.recipe import ReleaseUnknown
from agent.host import files, shell
from tests.agent.engines.tryton.deployed import OWNER, Deployed, make_bench, make_site
from tests.agent.support import ROOT

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(600)]
PROBE = TrytonProbe()


class TestDeploy:
    def test_changes_nothing_the_second_time(self, bench: Deployed) -> None:
        assert bench.engine.ensure_release(bench.bench, bench.said.append) is False
        templates, made = bench.engine.ensure_templates(bench.bench, bench.said.append)
        assert made is False
        assert [template.apps for template in templates] == [("base",), ("base", "crm", "hr")]
        assert "sale_opportunity" in templates[1].modules
        assert "sale_opportunity" not in templates[0].modules
        assert bench.engine.ensure_bench_started(bench.bench) is False

    def test_offers_the_version_that_is_pinned_and_no_other(self, bench: Deployed) -> None:
        pinned = (ROOT / "images/bench-tryton/requirements.txt").read_text("utf-8")
        assert f"trytond=={PROBE.engine_version} " in pinned
        with pytest.raises(ReleaseUnknown):
            bench.engine.ensure_release(make_bench(version="7.0.1"), bench.said.append)

    def test_refuses_apps_it_does_not_have(self, bench: Deployed) -> None:
        with pytest.raises(AppUnknown):
            bench.engine.ensure_templates(make_bench(app_sets=(("base", "games"),)), bench.said.append)


class TestCreateSite:
    def test_serves_a_login_and_repeats_without_change(self, bench: Deployed) -> None:
        site = make_site()
        assert bench.engine.ensure_site_cloned(site) is True
        assert bench.engine.ensure_site_cloned(site) is False
        assert bench.engine.ensure_site_configured(site) is True
        assert bench.engine.ensure_site_configured(site) is False
        assert not PROBE.can_log_in(bench.door(site))
        assert bench.engine.ensure_site_serving(site.bench_id, site.site_id, site.hostname) is True
        assert bench.engine.ensure_site_serving(site.bench_id, site.site_id, site.hostname) is False
        bench.engine.probe_site(site.bench_id, site.site_id, site.hostname)
        assert PROBE.can_log_in(bench.door(site))
        found = bench.engine.find_site(site.bench_id, site.site_id)
        assert found is not None
        assert (found.hostname, found.state) == (site.hostname, SiteState.ACTIVE)
        assert found in bench.engine.list_sites(site.bench_id)

    def test_belongs_to_its_owner_and_company(self, bench: Deployed) -> None:
        site = bench.create()
        with bench.logged_in(site) as client:
            fields = ["rec_name", "currency.rec_name"]
            (company,) = client.do("model.company.company.search_read", [], 0, None, None, fields)
            (owner,) = client.do("model.res.user.search_read", [], 0, None, None, ["login", "email"])
        assert (company["rec_name"], company["currency."]["rec_name"]) == (site.company, "US Dollar")
        assert (owner["login"], owner["email"]) == (OWNER, OWNER)

    def test_can_give_the_tenant_the_built_in_login(self, bench: Deployed) -> None:
        site = bench.create(admin_login="admin")
        with bench.logged_in(site) as client:
            client.do("model.party.party.create", [{"name": "Charles"}])
        assert bench.engine.measure_usage(site.bench_id, site.site_id).users == 1

    def test_can_sell_ship_and_invoice_at_once(self, bench: Deployed) -> None:
        site = bench.create(hostname="127.0.0.1", apps=("base", "crm", "hr"))
        flow = str(ROOT / "tests/agent/engines/tryton/business_flow.py")
        url = f"{bench.url}/{site.site_id}/rpc/"
        said = shell.run(
            (str(bench.python), flow, url, site.admin_login, site.admin_password), timeout_seconds=60
        )
        bench.engine.ensure_site_dropped(site.bench_id, site.site_id)
        assert json.loads(said) == {
            "sale": "processing",
            "shipment": "waiting",
            "invoice": "posted",
            "number": "1",
            "total": "50.00",
            "terms": "30 days",
        }

    def test_refuses_what_it_cannot_make(self, bench: Deployed) -> None:
        first = bench.create()
        second = make_site(hostname=first.hostname)
        bench.engine.ensure_site_cloned(second)
        with pytest.raises(HostnameTaken):
            bench.engine.ensure_site_serving(second.bench_id, second.site_id, second.hostname)
        with pytest.raises(TemplateMissing):
            bench.engine.ensure_site_cloned(make_site(apps=("hr",)))
        with pytest.raises(BenchUnknown):
            bench.engine.ensure_site_cloned(make_site("other"))
        with pytest.raises(NameInvalid):
            bench.engine.ensure_site_cloned(make_site(site_id="../../etc"))
        with pytest.raises(SiteNotHealthy):
            bench.engine.probe_site(second.bench_id, second.site_id, "nobody.localhost")
        assert PROBE.can_log_in(bench.door(first))


class TestSuspend:
    def test_closes_ends_sessions_and_opens_again(self, bench: Deployed) -> None:
        site = bench.create()
        engine, at = bench.engine, (site.bench_id, site.site_id)
        with bench.logged_in(site) as client:
            assert engine.ensure_site_suspended(*at, "unpaid") is True
            assert engine.ensure_site_suspended(*at, "unpaid") is False
            found = engine.find_site(*at)
            assert found is not None
            assert found.state is SiteState.SUSPENDED
            with pytest.raises(OSError, match="402"):
                client.do("model.party.party.search", [], 0, None, None)
            engine.ensure_site_serving(*at, site.hostname)
            assert not PROBE.can_log_in(bench.door(site))
            assert engine.ensure_site_resumed(*at) is True
            assert engine.ensure_site_resumed(*at) is False
            with pytest.raises(OSError, match="401"):
                client.do("model.party.party.search", [], 0, None, None)
        assert PROBE.can_log_in(bench.door(site))

    def test_ends_the_login_links_too(self, bench: Deployed) -> None:
        site = bench.create()
        path = bench.engine.ensure_login_token(site.bench_id, site.site_id, OWNER, "t" * 32, 60)
        bench.engine.ensure_site_suspended(site.bench_id, site.site_id, "unpaid")
        bench.engine.ensure_site_resumed(site.bench_id, site.site_id)
        assert not PROBE.can_use_token(bench.door(site), path, "t" * 32)


class TestLoginToken:
    def test_opens_one_session_once(self, bench: Deployed) -> None:
        site = bench.create()
        path = bench.engine.ensure_login_token(site.bench_id, site.site_id, OWNER, "token-1", 60)
        assert path == "/-/login"
        assert not PROBE.can_use_token(bench.door(site), path, "token-2")
        assert PROBE.can_use_token(bench.door(site), path, "token-1")
        assert not PROBE.can_use_token(bench.door(site), path, "token-1")
        bench.engine.ensure_login_token(site.bench_id, site.site_id, OWNER, "token-1", 60)
        assert not PROBE.can_use_token(bench.door(site), path, "token-1"), "announced again, it opens again"

    def test_is_of_one_site_one_user_and_a_short_time(self, bench: Deployed) -> None:
        site, other = bench.create(), bench.create()
        path = bench.engine.ensure_login_token(site.bench_id, site.site_id, OWNER, "token", 60)
        assert not PROBE.can_use_token(bench.door(other), path, "token")
        bench.engine.ensure_login_token(site.bench_id, site.site_id, OWNER, "late", 0)
        assert not PROBE.can_use_token(bench.door(site), path, "late")
        with pytest.raises(SiteUnknown):
            bench.engine.ensure_login_token(site.bench_id, site.site_id, "mallory", "token-3", 60)
        assert PROBE.can_use_token(bench.door(site), path, "token")

    def test_keeps_no_token_in_the_clear(self, bench: Deployed) -> None:
        site = bench.create()
        bench.engine.ensure_login_token(site.bench_id, site.site_id, OWNER, "very-secret-token", 60)
        (announced,) = bench.folder.tokens(site.site_id).iterdir()
        assert "very-secret-token" not in announced.name + announced.read_text("utf-8")
        assert announced.stat().st_mode & 0o077 == 0


class TestPassword:
    def test_replaces_the_old_one_and_ends_its_sessions(self, bench: Deployed) -> None:
        site = bench.create()
        at = (site.bench_id, site.site_id, OWNER)
        with bench.logged_in(site) as client:
            assert bench.engine.ensure_admin_password(*at, "another-password-1") is True
            assert bench.engine.ensure_admin_password(*at, "another-password-1") is False
            with pytest.raises(OSError, match="401"):
                client.do("model.party.party.search", [], 0, None, None)
        assert PROBE.can_log_in(bench.door(site, password="another-password-1"))
        assert not PROBE.can_log_in(bench.door(site))
        with pytest.raises(SiteUnknown):
            bench.engine.ensure_admin_password(site.bench_id, site.site_id, "mallory", "another-password-1")


class TestUsage:
    def test_counts_people_and_bytes(self, bench: Deployed) -> None:
        site = bench.create()
        before = bench.engine.measure_usage(site.bench_id, site.site_id)
        PROBE.add_user(bench.door(site), "charles")
        after = bench.engine.measure_usage(site.bench_id, site.site_id)
        assert (before.users, after.users) == (1, 2)
        assert after.storage_bytes >= before.storage_bytes > 1 << 20


class TestBackup:
    def test_brings_the_data_back_while_the_site_keeps_its_state(
        self, bench: Deployed, tmp_path: Path
    ) -> None:
        site = bench.create()
        engine, at = bench.engine, (site.bench_id, site.site_id)
        PROBE.write_record(bench.door(site), "Before")
        engine.write_backup(*at, tmp_path / "backup")
        PROBE.write_record(bench.door(site), "After")
        with bench.logged_in(site) as client:
            assert engine.ensure_restored(*at, site.hostname, tmp_path / "backup") is True
            assert not PROBE.can_log_in(bench.door(site))
            engine.ensure_site_serving(*at, site.hostname)
            with pytest.raises(OSError, match="401"):
                client.do("model.party.party.search", [], 0, None, None)
        names = PROBE.list_records(bench.door(site))
        assert "Before" in names
        assert "After" not in names
        engine.ensure_site_suspended(*at, "unpaid")
        engine.ensure_restored(*at, site.hostname, tmp_path / "backup")
        engine.ensure_site_serving(*at, site.hostname)
        found = engine.find_site(*at)
        assert found is not None
        assert found.state is SiteState.SUSPENDED

    def test_makes_a_dropped_site_again(self, bench: Deployed, tmp_path: Path) -> None:
        site = bench.create()
        engine, at = bench.engine, (site.bench_id, site.site_id)
        PROBE.write_record(bench.door(site), "Kept")
        engine.write_backup(*at, tmp_path / "backup")
        assert engine.ensure_site_dropped(*at) is True
        engine.ensure_restored(*at, site.hostname, tmp_path / "backup")
        assert not PROBE.can_log_in(bench.door(site))
        engine.ensure_site_resumed(*at)
        assert "Kept" in PROBE.list_records(bench.door(site))

    def test_refuses_a_damaged_file_before_it_touches_the_site(self, bench: Deployed, tmp_path: Path) -> None:
        site = bench.create()
        engine, at = bench.engine, (site.bench_id, site.site_id)
        PROBE.write_record(bench.door(site), "Kept")
        good = tmp_path / "backup"
        engine.write_backup(*at, good)
        (tmp_path / "half").write_bytes(good.read_bytes()[:-5000])
        (tmp_path / "noise").write_bytes(b"SQLite format 3\0" + bytes(9000))
        for name in ("half", "noise"):
            with pytest.raises(BackupUnreadable):
                engine.ensure_restored(*at, site.hostname, tmp_path / name)
            assert "Kept" in PROBE.list_records(bench.door(site))
        assert list(bench.folder.databases.glob(".*restoring*")) == []


class TestDrop:
    def test_leaves_nothing_and_repeats(self, bench: Deployed, tmp_path: Path) -> None:
        site = bench.create()
        at = (site.bench_id, site.site_id)
        PROBE.write_record(bench.door(site), "Gone")
        bench.engine.ensure_login_token(*at, OWNER, "token", 60)
        bench.engine.write_backup(*at, tmp_path / "backup")
        assert bench.engine.ensure_site_dropped(*at) is True
        assert bench.engine.ensure_site_dropped(*at) is False
        assert [path for path in bench.folder.path.rglob("*") if site.site_id in path.name] == []
        assert bench.engine.find_site(*at) is None
        assert not PROBE.can_log_in(bench.door(site))
        with pytest.raises(SiteUnknown):
            bench.engine.measure_usage(*at)


class TestHalfMade:
    def test_finds_what_a_kill_left_and_finishes_it(self, bench: Deployed) -> None:
        site = make_site()
        bench.engine.ensure_site_cloned(site)
        bench.folder.site(site.site_id).unlink()
        (found,) = [s for s in bench.engine.list_sites(site.bench_id) if s.site_id == site.site_id]
        assert found.state is SiteState.SUSPENDED
        assert bench.engine.ensure_site_dropped(site.bench_id, site.site_id) is True
        assert bench.engine.ensure_site_cloned(site) is True
        files.remove_tree(bench.folder.database(site.site_id))
        assert bench.engine.ensure_site_cloned(site) is True
        bench.engine.ensure_site_configured(site)
        bench.engine.ensure_site_serving(site.bench_id, site.site_id, site.hostname)
        assert PROBE.can_log_in(bench.door(site))
