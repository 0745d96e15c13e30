"""Sites whose data are lost, and removals that were cut off: the real operations on a real bench."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.engines.errors import BenchNotHealthy, SiteDataUnreadable
from agent.engines.port import BenchSpec, Progress, SiteSpec
from agent.engines.tryton.engine import TrytonEngine
from agent.engines.tryton.host_releases import HostReleases
from agent.engines.tryton.probe import TrytonProbe
from agent.engines.tryton.release import Release
from agent.executors import remembered
from agent.executors.port import ProgramSpec
from agent.host import files
from agent.jobs.database import Database
from agent.jobs.ledger import Ledger
from agent.jobs.model import Job
from tests.agent.engines.tryton.deployed import OWNER, Deployed, get_health, hung, make_engine
from tests.agent.operations.workshop import Workshop

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(600)]
PROBE = TrytonProbe()
PAGE = 4096
TRACES = 9


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


@pytest.fixture
def impatient(bench: Deployed) -> TrytonEngine:
    """The engine, soon tired of a bench that does not answer."""
    return make_engine(bench.settings, bench.executor, patience_seconds=0.4)


def list_traces(bench: Deployed, site: SiteSpec) -> list[str]:
    return [path.name for path in bench.folder.path.rglob("*") if site.site_id in path.name]


def overwrite(path: Path) -> None:
    path.write_bytes(b"no database at all" * 1000)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: 40 * PAGE])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def blot(path: Path) -> None:
    """Overwrite pages in the middle; the head still says that it is a database."""
    with path.open("r+b") as stream:
        stream.seek(20 * PAGE)
        stream.write(b"\xff" * (200 * PAGE))


def lose(path: Path) -> None:
    path.unlink()


LOSSES = [overwrite, cut_short, empty, blot, lose]
Loss = Callable[[Path], None]


def damage(bench: Deployed, site: SiteSpec, loss: Loss) -> None:
    """Lose the data under the running bench."""
    for path in bench.folder.side_files(site.site_id):
        files.remove_tree(path)
    loss(bench.folder.database(site.site_id))


class TestLostData:
    @pytest.mark.parametrize("loss", LOSSES)
    def test_come_back_from_the_backup(
        self, bench: Deployed, site: SiteSpec, shop: Workshop, loss: Loss
    ) -> None:
        backup = shop.back_up()
        damage(bench, site, loss)
        job = shop.restore(backup, hostname=site.hostname, state="active")
        assert job.status == "succeeded", job
        assert "nothing to keep: The site's database cannot be read" in _output(job, "keep_present_data")
        assert PROBE.list_records(bench.door(site)).count("Kept") == 1

    def test_come_back_where_the_site_is_not_known_any_more(
        self, bench: Deployed, site: SiteSpec, shop: Workshop
    ) -> None:
        backup = shop.back_up()
        bench.engine.ensure_site_dropped(site.bench_id, site.site_id)
        job = shop.restore(backup, hostname=site.hostname, state="active")
        assert job.status == "succeeded", job
        assert PROBE.list_records(bench.door(site)).count("Kept") == 1

    @pytest.mark.parametrize("loss", [blot, lose])
    def test_cannot_be_brought_back_when_the_restore_fails(
        self, bench: Deployed, site: SiteSpec, shop: Workshop, loss: Loss
    ) -> None:
        backup = shop.back_up()
        damage(bench, site, loss)
        other = bench.create()
        job = shop.restore(backup, hostname=other.hostname)
        assert job.error is not None
        assert (job.error.code, job.error.compensated) == ("hostname_taken", False)
        assert shop.state() == "suspended"
        assert not PROBE.can_log_in(bench.door(site))
        again = shop.restore(backup, hostname=site.hostname, state="active")
        assert again.status == "succeeded", again

    @pytest.mark.parametrize("loss", LOSSES)
    def test_are_told_from_other_trouble(
        self, bench: Deployed, site: SiteSpec, tmp_path: Path, loss: Loss
    ) -> None:
        damage(bench, site, loss)
        with pytest.raises(SiteDataUnreadable):
            bench.engine.write_backup(site.bench_id, site.site_id, tmp_path / "backup")
        assert list(tmp_path.iterdir()) == []

    def test_are_not_archived(self, bench: Deployed, site: SiteSpec, shop: Workshop) -> None:
        damage(bench, site, blot)
        job = shop.archive()
        assert job.error is not None
        assert (job.error.code, job.error.compensated) == ("site_data_unreadable", True)
        assert bench.folder.database(site.site_id).exists()

    def test_a_missing_database_is_never_made_by_looking(self, bench: Deployed, site: SiteSpec) -> None:
        damage(bench, site, lose)
        assert bench.engine.ensure_site_suspended(site.bench_id, site.site_id, "unpaid") is True
        assert bench.engine.ensure_site_resumed(site.bench_id, site.site_id) is True
        assert not bench.folder.database(site.site_id).exists()


class TestFailedDrop:
    def test_leaves_a_whole_site_that_can_be_archived_again(
        self, bench: Deployed, site: SiteSpec, shop: Workshop, impatient: TrytonEngine
    ) -> None:
        with hung(bench), pytest.raises(BenchNotHealthy):
            impatient.ensure_site_dropped(site.bench_id, site.site_id)
        assert bench.engine.is_site_standing(site.bench_id, site.site_id)
        job = shop.archive()
        assert job.status == "succeeded", job
        assert list_traces(bench, site) == []
        assert job.result is not None
        restored = shop.restore(job.result["backup"], hostname=site.hostname, state="active")
        assert restored.status == "succeeded", restored
        assert "Kept" in PROBE.list_records(bench.door(site))

    def test_leaves_a_site_that_can_be_opened_again(
        self, bench: Deployed, site: SiteSpec, impatient: TrytonEngine
    ) -> None:
        with hung(bench), pytest.raises(BenchNotHealthy):
            impatient.ensure_site_dropped(site.bench_id, site.site_id)
        bench.engine.ensure_site_resumed(site.bench_id, site.site_id)
        assert "Kept" in PROBE.list_records(bench.door(site))

    def test_takes_what_killed_writers_left(self, bench: Deployed, site: SiteSpec) -> None:
        for path in (*bench.folder.traces(site.site_id)[:2], bench.folder.site(site.site_id)):
            path.with_name(f".{path.name}.killed{files.PART}").write_bytes(b"half")
        bench.engine.ensure_site_dropped(site.bench_id, site.site_id)
        assert list_traces(bench, site) == []

    @pytest.mark.parametrize("removed", range(TRACES))
    def test_is_finished_from_wherever_it_was_cut_off(
        self, bench: Deployed, site: SiteSpec, removed: int
    ) -> None:
        engine, at = bench.engine, (site.bench_id, site.site_id)
        engine.ensure_login_token(*at, OWNER, "token", 60)
        known = get_health(bench)["sites"]
        all_traces = bench.folder.traces(site.site_id)
        assert len(all_traces) == TRACES
        for path in all_traces[:removed]:
            files.remove_tree(path)
        assert engine.is_site_standing(*at) is (removed == 0)
        assert engine.ensure_site_dropped(*at) is True
        assert list_traces(bench, site) == []
        assert engine.ensure_site_dropped(*at) is False
        health = get_health(bench)
        assert health["sites"] == known - 1
        assert site.site_id not in health["loaded"]

    @pytest.mark.parametrize("gone", ["database", "note", "both"])
    def test_is_finished_by_another_archive_that_names_the_backup(
        self, bench: Deployed, site: SiteSpec, shop: Workshop, gone: str
    ) -> None:
        backup = shop.back_up()
        if gone in {"database", "both"}:
            bench.folder.database(site.site_id).unlink()
        if gone in {"note", "both"}:
            bench.folder.site(site.site_id).unlink()
        refused = shop.archive()
        assert refused.error is not None
        assert (refused.error.code, refused.error.compensated) == ("site_unknown", True)
        job = shop.archive(backup=backup)
        assert job.status == "succeeded", job
        assert job.result is not None
        assert job.result["backup"]["id"] == backup["id"]
        assert list_traces(bench, site) == []
        assert not PROBE.can_log_in(bench.door(site))


def _output(job: Job, key: str) -> str:
    return next(step.output for step in job.steps if step.key == key)


class Misbuilt:
    """Releases whose programs do not start."""

    def __init__(self, good: HostReleases) -> None:
        self._good = good

    def get(self, version: str) -> Release:
        return replace(self._good.get(version), python=Path("/bin/false"))

    def ensure(self, bench: BenchSpec, progress: Progress) -> bool:
        return self._good.ensure(bench, progress)


class TestDeployThatFails:
    def test_what_ran_before_runs_again(self, bench: Deployed, site: SiteSpec) -> None:
        engine = TrytonEngine(
            bench.settings, bench.executor, Misbuilt(HostReleases(bench.settings)), start_seconds=3.0
        )
        newer = replace(bench.bench, release="tryton-of-tomorrow")
        with pytest.raises(BenchNotHealthy) as caught:
            engine.ensure_bench_started(newer)
        assert "runs again" in caught.value.message
        found = engine.find_bench(newer.bench_id)
        assert found is not None
        assert found.release == bench.bench.release
        bench.engine.probe_site(site.bench_id, site.site_id, site.hostname)
        assert bench.engine.ensure_bench_started(bench.bench) is False

    def test_the_bench_writes_nothing_that_the_agent_goes_by(self, bench: Deployed) -> None:
        program = remembered.recall(bench.folder.program)
        assert program is not None
        for told in (bench.folder.note, bench.folder.program):
            assert not any(told.is_relative_to(folder) for folder in program.writable)

    def test_a_link_among_the_databases_is_not_followed(self, bench: Deployed, tmp_path: Path) -> None:
        link = bench.folder.databases / "sly.sqlite"
        link.symlink_to(tmp_path / "elsewhere")
        try:
            with pytest.raises(SiteDataUnreadable):
                bench.folder.database("sly")
        finally:
            link.unlink()

    def test_a_program_that_was_written_down_comes_back_as_it_was(self, tmp_path: Path) -> None:
        program = ProgramSpec(
            name="bench-1",
            argv=("serve", "--port", "1"),
            directory=tmp_path,
            environment={"LANG": "C.UTF-8"},
            memory_bytes=1,
            image="press/bench:1",
            writable=(tmp_path,),
            readable=(tmp_path / "shelf",),
            ports=(1, 2),
        )
        assert remembered.recall(tmp_path / "note") is None
        (tmp_path / "note").write_text('{"name": "bench-1"}')
        assert remembered.recall(tmp_path / "note") is None
        remembered.remember(tmp_path / "note", program)
        assert remembered.recall(tmp_path / "note") == program
