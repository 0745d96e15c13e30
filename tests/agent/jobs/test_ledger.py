"""The ledger: one job per id, one open job per target, nothing promised that is not on disk."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent.errors import AgentError
from agent.host.clock import write_time
from agent.jobs.database import Database
from agent.jobs.ledger import Ledger
from agent.jobs.model import EventKind, JobRecord, JobStatus, StepState
from tests.agent.jobs.records import BENCH, NOW, make_record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    ledger = Ledger(Database(path), lambda: NOW)
    yield ledger
    ledger.close()


def refusal(ledger: Ledger, record: JobRecord) -> AgentError:
    with pytest.raises(AgentError) as caught:
        ledger.accept(record)
    return caught.value


class TestAccept:
    def test_new_then_the_same_again(self, ledger: Ledger) -> None:
        record = make_record()
        assert ledger.accept(record) == (record.job, True)
        assert ledger.accept(record) == (record.job, False)
        assert [event.kind for event in ledger.list_events(0, 10).events] == [EventKind.QUEUED]

    def test_another_payload(self, ledger: Ledger) -> None:
        record = make_record()
        ledger.accept(record)
        other = make_record(job_id=record.job.id, payload_sha256="2")
        assert refusal(ledger, other).code == "job_conflict"
        assert ledger.get_record(record.job.id).payload_sha256 == "1"

    def test_busy_until_the_holder_ends(self, ledger: Ledger) -> None:
        holder = make_record()
        ledger.accept(holder)
        waiting = make_record(target=holder.job.target)
        error = refusal(ledger, waiting)
        assert (error.code, error.context) == (
            "target_busy",
            {"holder": holder.job.id, "purpose": "create the site"},
        )
        with ledger.changing(holder.job.id, EventKind.FINISHED) as changed:
            changed.job.status = JobStatus.FAILED
        assert ledger.accept(waiting)[1] is True

    def test_retiring_excludes_the_sites_of_the_bench(self, ledger: Ledger) -> None:
        site = make_record()
        ledger.accept(site)
        retiring = make_record(target=f"bench:{BENCH}", excludes_sites=True)
        assert refusal(ledger, retiring).context["holder"] == site.job.id
        elsewhere = make_record(target="bench:2", bench_id="2", excludes_sites=True)
        assert ledger.accept(elsewhere)[1] is True
        assert refusal(ledger, make_record(bench_id="2")).context["holder"] == elsewhere.job.id

    def test_deploying_does_not_exclude_sites(self, ledger: Ledger) -> None:
        ledger.accept(make_record(target=f"bench:{BENCH}"))
        assert ledger.accept(make_record())[1] is True

    def test_many_at_once_make_one(self, ledger: Ledger) -> None:
        record = make_record()
        news: list[bool] = []
        threads = [threading.Thread(target=lambda: news.append(ledger.accept(record)[1])) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(news) == [False] * 19 + [True]


class TestDurability:
    def test_another_process_sees_what_was_accepted(self, ledger: Ledger, path: Path) -> None:
        record = make_record()
        ledger.accept(record)
        other = Ledger(Database(path))
        assert other.ledger_id == ledger.ledger_id
        assert other.get_job(record.job.id) == record.job
        other.close()

    def test_writes_are_synced(self, path: Path) -> None:
        database = Database(path)
        with database.read() as connection:
            assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        database.close()

    def test_a_failed_change_writes_nothing(self, ledger: Ledger) -> None:
        record = make_record()
        ledger.accept(record)

        def change_and_fail() -> None:
            with ledger.changing(record.job.id) as changed:
                changed.job.steps[0].state = StepState.DONE
                raise RuntimeError

        with pytest.raises(RuntimeError):
            change_and_fail()
        assert ledger.get_job(record.job.id).steps[0].state is StepState.PENDING
        assert len(ledger.list_events(0, 10).events) == 1

    def test_a_full_disk_is_told_and_nothing_is_promised(self, ledger: Ledger, path: Path) -> None:
        with ledger._database.write() as connection:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
        limited = Database(path)
        with limited._connection() as connection:
            connection.execute(f"PRAGMA max_page_count = {pages}")
        full = Ledger(limited)
        big = make_record(params={"filler": "x" * 500_000})
        assert refusal(full, big).code == "ledger_unavailable"
        with pytest.raises(AgentError):
            ledger.get_job(big.job.id)
        full.close()

    def test_an_unusable_file_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "ledger.sqlite").write_text(
            "this is no database, and it is long enough to be looked at" * 50
        )
        with pytest.raises(AgentError) as caught:
            Ledger(Database(tmp_path / "ledger.sqlite"))
        assert caught.value.code == "ledger_unavailable"

    def test_the_database_itself_keeps_one_open_job_per_target(self, ledger: Ledger, path: Path) -> None:
        record = make_record()
        ledger.accept(record)
        with sqlite3.connect(path) as raw, pytest.raises(sqlite3.IntegrityError):
            raw.execute(
                "INSERT INTO jobs SELECT 'x', target, bench_id, queue, status, excludes_sites, created_at, record FROM jobs"
            )
        raw.close()


class TestEvents:
    def test_cursor_and_acknowledgement(self, ledger: Ledger) -> None:
        record = make_record()
        ledger.accept(record)
        for state in (StepState.RUNNING, StepState.DONE):
            with ledger.changing(record.job.id) as changed:
                changed.job.steps[0].state = state
        page = ledger.list_events(0, 2)
        assert ([event.seq for event in page.events], page.next) == ([1, 2], 2)
        assert [event.job.steps[0].state for event in ledger.list_events(2, 10).events] == ["done"]
        ledger.acknowledge(2)
        ledger.acknowledge(1)
        assert (ledger.get_acknowledged(), ledger.count_unacknowledged()) == (2, 1)
        assert ledger.find_oldest_unacknowledged() == write_time(NOW)
        assert ledger.list_events(9, 10).next == 9

    def test_prune_keeps_what_nobody_has_acknowledged(self, path: Path) -> None:
        now = NOW
        ledger = Ledger(Database(path), lambda: now)
        ledger.accept(make_record())
        ledger.accept(make_record())
        ledger.acknowledge(1)
        assert ledger.remember_credential("d", NOW + timedelta(seconds=60))
        now = NOW + timedelta(days=8)
        ledger.prune()
        assert [event.seq for event in ledger.list_events(0, 10).events] == [2]
        assert ledger.remember_credential("d", now) is True
        ledger.close()


class TestRememberCredential:
    def test_once_even_across_processes(self, ledger: Ledger, path: Path) -> None:
        assert ledger.remember_credential("digest", NOW + timedelta(seconds=60)) is True
        other = Ledger(Database(path))
        assert other.remember_credential("digest", NOW + timedelta(seconds=60)) is False
        other.close()


class TestRecord:
    def test_the_view_holds_no_parameters(self) -> None:
        record = make_record(params={"password": "secret://x"})
        assert "secret://" not in json.dumps(record.job.model_dump(mode="json"))
