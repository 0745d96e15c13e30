"""The operations that change a site as a whole, on real benches: what its people see before, after and when it fails."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.engines.port import BenchSpec, SiteSpec
from agent.engines.probe import SiteDoor
from agent.engines.tryton import database
from agent.engines.tryton.layout import TrytonFolder
from agent.engines.tryton.probe import TrytonProbe
from agent.jobs.database import Database
from agent.jobs.ledger import Ledger
from tests.agent.engines.tryton.deployed import Deployed, make_bench
from tests.agent.operations.workshop import Workshop

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(600)]
PROBE = TrytonProbe()


@pytest.fixture(scope="module")
def other(bench: Deployed) -> Iterator[BenchSpec]:
    """A second bench of the same host."""
    other = make_bench(bench_id=str(uuid.uuid4()))
    bench.engine.ensure_release(other, bench.said.append)
    bench.engine.ensure_bench_started(other)
    yield other
    bench.executor.ensure_removed(f"bench-{other.bench_id}")


@pytest.fixture
def site(bench: Deployed) -> SiteSpec:
    """A site with a record."""
    site = bench.create()
    PROBE.write_record(bench.door(site), "Kept")
    return site


@pytest.fixture
def shop(bench: Deployed, site: SiteSpec, tmp_path: Path) -> Iterator[Workshop]:
    """Jobs on the site."""
    ledger = Ledger(Database(tmp_path / "ledger.sqlite"))
    yield Workshop(tmp_path, bench.engine, site.bench_id, site.site_id, ledger)
    ledger.close()


def door_to(bench: Deployed, other: BenchSpec, site: SiteSpec) -> SiteDoor:
    found = bench.engine.find_bench(other.bench_id)
    assert found is not None
    return bench.door(site, bench_url=found.url)


def folder_of(bench: Deployed, other: BenchSpec) -> TrytonFolder:
    return TrytonFolder(bench.folder.path.parent / other.bench_id)


class TestChangeApps:
    def test_closes_the_site_for_seconds(self, bench: Deployed, site: SiteSpec, shop: Workshop) -> None:
        is_in = PROBE.open_session(bench.door(site))
        job = shop.do("change_apps", apps=["base", "crm"], backup_id=str(uuid.uuid4()))
        assert job.status == "succeeded", job
        assert job.result is not None
        assert job.result["apps"] == ["base", "crm"]
        assert 0 < job.result["closed_seconds"] < 60
        assert PROBE.has_app(bench.door(site), "crm")
        assert "Kept" in PROBE.list_records(bench.door(site))
        assert is_in()

    def test_refused_it_ends_nobody_s_session(self, bench: Deployed, site: SiteSpec, shop: Workshop) -> None:
        is_in = PROBE.open_session(bench.door(site))
        job = shop.do("change_apps", apps=["base", "games"], backup_id=str(uuid.uuid4()))
        assert job.error is not None
        assert (job.error.code, job.error.compensated) == ("app_unknown", True)
        assert is_in()


class TestMoveSite:
    def test_lives_there_and_nothing_is_left_here(
        self, bench: Deployed, other: BenchSpec, site: SiteSpec, shop: Workshop
    ) -> None:
        neighbour = bench.create()
        shop.more_benches.append(other.bench_id)
        job = self._move(shop, other, site, config={"session_idle_minutes": 30})
        assert job.status == "succeeded", job
        assert job.result is not None
        assert 0 < job.result["closed_seconds"] < 60
        assert "Kept" in PROBE.list_records(door_to(bench, other, site))
        assert bench.engine.find_config(other.bench_id, site.site_id) == {"session_idle_minutes": 30}
        assert [path for path in bench.folder.path.rglob("*") if site.site_id in path.name] == []
        assert not PROBE.can_log_in(bench.door(site))
        assert PROBE.can_log_in(bench.door(neighbour))

    def test_brings_the_data_to_the_other_release(
        self, bench: Deployed, other: BenchSpec, site: SiteSpec, shop: Workshop
    ) -> None:
        shop.more_benches.append(other.bench_id)
        bench.engine.ensure_site_closed(site.bench_id, site.site_id)
        with database.opened(bench.folder.database(site.site_id)) as connection:
            connection.execute("PRAGMA user_version = 4711")
        bench.engine.ensure_site_serving(site.bench_id, site.site_id, site.hostname)
        job = self._move(shop, other, site)
        assert job.status == "succeeded", job
        (migrated,) = [step for step in job.steps if step.key == "ensure_migrated"]
        assert migrated.state == "done"
        moved = folder_of(bench, other).database(site.site_id)
        assert database.read_release(moved) not in {0, 4711}
        assert "Kept" in PROBE.list_records(door_to(bench, other, site))

    def test_settings_that_do_not_fit_are_left_out(
        self, bench: Deployed, other: BenchSpec, site: SiteSpec, shop: Workshop
    ) -> None:
        shop.more_benches.append(other.bench_id)
        job = self._move(shop, other, site, config={"no_such_thing": 1, "password_length": 12})
        assert job.status == "succeeded", job
        assert bench.engine.find_config(other.bench_id, site.site_id) == {"password_length": 12}
        assert not bench.folder.database(site.site_id).exists()

    def _move(self, shop: Workshop, other: BenchSpec, site: SiteSpec, **params: Any) -> Any:
        given = {"to_bench_id": other.bench_id, "hostname": site.hostname, "backup_id": str(uuid.uuid4())}
        return shop.do("move_site", **(given | params))


class TestCopy:
    def test_of_another_site_on_another_bench_is_silent(
        self, bench: Deployed, other: BenchSpec, site: SiteSpec, shop: Workshop
    ) -> None:
        backup = shop.back_up()
        shop.more_benches.append(shop.bench_id)
        shop.bench_id, shop.site_id = other.bench_id, str(uuid.uuid4())
        job = shop.restore(
            backup, hostname="copy.localhost", state="active", copied_from=site.site_id, muted=True
        )
        assert job.status == "succeeded", job
        copy = bench.door(site, bench_url=door_to(bench, other, site).bench_url, hostname="copy.localhost")
        assert "Kept" in PROBE.list_records(copy)
        assert PROBE.is_muted(copy)
        assert not PROBE.is_muted(bench.door(site))


class TestRenameAndConfig:
    def test_only_the_new_name_leads_there(self, bench: Deployed, site: SiteSpec, shop: Workshop) -> None:
        bench.engine.ensure_config(site.bench_id, site.site_id, {"password_length": 12})
        job = shop.do("rename_site", hostname=f"new-{site.hostname}")
        assert job.status == "succeeded", job
        assert "Kept" in PROBE.list_records(bench.door(site, hostname=f"new-{site.hostname}"))
        assert not PROBE.can_log_in(bench.door(site))
        assert bench.engine.find_config(site.bench_id, site.site_id) == {"password_length": 12}

    def test_settings_survive_a_backup_that_comes_back(
        self, bench: Deployed, site: SiteSpec, shop: Workshop
    ) -> None:
        backup = shop.back_up()
        assert shop.do("set_config", config={"password_length": 12}).status == "succeeded"
        restored = shop.restore(
            backup, hostname=site.hostname, state="active", config={"password_length": 14}
        )
        assert restored.status == "succeeded", restored
        assert bench.engine.find_config(site.bench_id, site.site_id) == {"password_length": 14}
        config = {"no_such_thing": 1, "password_length": 15}
        again = shop.restore(backup, hostname=site.hostname, state="active", config=config)
        assert again.status == "succeeded", again
        assert bench.engine.find_config(site.bench_id, site.site_id) == {"password_length": 15}
        assert "Kept" in PROBE.list_records(bench.door(site))
