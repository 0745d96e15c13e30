"""What the suite of all engines cannot see of a Frappe site: its settings, its key, its databases."""

import json
from pathlib import Path

import pytest

from agent.engines.errors import BackupUnreadable
from agent.engines.frappe.layout import FrappeFolder
from agent.engines.frappe.probe import FrappeClient, FrappeProbe
from agent.engines.port import SiteSpec
from agent.errors import AgentError
from agent.host.mariadb import fetch_all
from tests.agent.engines.frappe.deployed import Deployed

pytestmark = [pytest.mark.frappe, pytest.mark.docker, pytest.mark.timeout(3600)]
PROBE = FrappeProbe(())


def folder_of(bench: Deployed) -> FrappeFolder:
    return FrappeFolder(bench.settings.data_dir.resolve() / "benches" / "frappe" / bench.bench.bench_id)


def settings_of(bench: Deployed, site: SiteSpec) -> dict[str, object]:
    path = folder_of(bench).sites / site.site_id / "site_config.json"
    found: dict[str, object] = json.loads(path.read_text())
    return found


def databases_of(bench: Deployed, site: SiteSpec) -> list[str]:
    with bench.databases.server.connected() as cursor:
        found = [str(name) for (name,) in fetch_all(cursor, "SHOW DATABASES")]
    return [name for name in found if site.site_id.replace("-", "") in name]


def test_a_closed_site_rests_and_an_open_one_works(bench: Deployed) -> None:
    site = bench.create()
    assert "pause_scheduler" not in settings_of(bench, site)
    bench.engine.ensure_site_suspended(site.bench_id, site.site_id, "unpaid")
    asleep = settings_of(bench, site)
    assert (asleep["pause_scheduler"], asleep["maintenance_mode"]) == (1, 1)
    bench.engine.ensure_site_resumed(site.bench_id, site.site_id)
    assert "pause_scheduler" not in settings_of(bench, site)


def test_a_suspension_ends_sessions(bench: Deployed) -> None:
    site = bench.create()
    with FrappeClient(bench.door(site)) as client:
        client.log_in()
        bench.engine.ensure_site_suspended(site.bench_id, site.site_id, "unpaid")
        bench.engine.ensure_site_resumed(site.bench_id, site.site_id)
        with pytest.raises(OSError, match="403"):
            client.get("/api/resource/Contact")


def test_a_restore_brings_the_key_back_and_leaves_one_database(bench: Deployed, tmp_path: Path) -> None:
    site = bench.create()
    key = settings_of(bench, site)["encryption_key"]
    bench.engine.write_backup(site.bench_id, site.site_id, tmp_path / "backup")
    before = databases_of(bench, site)
    bench.engine.ensure_site_dropped(site.bench_id, site.site_id)
    assert databases_of(bench, site) == []
    bench.engine.ensure_restored(site.bench_id, site.site_id, site.hostname, tmp_path / "backup")
    bench.engine.ensure_restored(site.bench_id, site.site_id, site.hostname, tmp_path / "backup")
    assert settings_of(bench, site)["encryption_key"] == key
    assert len(databases_of(bench, site)) == 1
    assert databases_of(bench, site) != before


def test_what_cannot_be_restored_leaves_the_site_as_it_is(bench: Deployed, tmp_path: Path) -> None:
    site = bench.create()
    PROBE.write_record(bench.door(site), "Ada")
    (tmp_path / "broken").write_bytes(b"no backup at all")
    before = databases_of(bench, site)
    with pytest.raises(BackupUnreadable):
        bench.engine.ensure_restored(site.bench_id, site.site_id, site.hostname, tmp_path / "broken")
    assert databases_of(bench, site) == before
    assert PROBE.list_records(bench.door(site)) == ["Ada"]


def test_damaged_settings_are_written_anew_with_the_same_key(bench: Deployed, tmp_path: Path) -> None:
    site = bench.create()
    key = settings_of(bench, site)["encryption_key"]
    (folder_of(bench).sites / site.site_id / "site_config.json").write_text("")
    bench.engine.write_backup(site.bench_id, site.site_id, tmp_path / "backup")
    assert settings_of(bench, site)["encryption_key"] == key
    assert PROBE.can_log_in(bench.door(site))


def test_a_link_in_place_of_a_site_leads_nowhere_and_hides_nobody(bench: Deployed, tmp_path: Path) -> None:
    victim, other = bench.create(), bench.create()
    place = folder_of(bench).sites / victim.site_id
    place.rename(tmp_path / "moved")
    (tmp_path / "elsewhere").mkdir()
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AgentError):
        bench.engine.ensure_site_serving(victim.bench_id, victim.site_id, victim.hostname)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    listed = {site.site_id for site in bench.engine.list_sites(victim.bench_id)}
    assert {victim.site_id, other.site_id} <= listed
    assert bench.engine.ensure_site_dropped(victim.bench_id, victim.site_id)
    assert (tmp_path / "elsewhere").is_dir()
    assert PROBE.can_log_in(bench.door(other))
