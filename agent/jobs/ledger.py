"""The ledger: every job, event and accepted credential of this host, durable before anything is promised."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from sqlite3 import Connection
from typing import Any

from agent.host.clock import Clock, utc_now, write_time
from agent.jobs.database import Database
from agent.jobs.errors import JobConflict, JobUnknown, TargetBusy
from agent.jobs.model import Event, EventKind, EventPage, Job, JobRecord, JobStatus

ACKNOWLEDGED = "acknowledged"
KEEP_EVENTS = timedelta(days=7)
IS_OPEN = "status IN ('queued', 'running')"


class Ledger:
    """All methods raise ``ledger_unavailable`` when the disk does not play along; nothing was written then."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock
        with database.write() as connection:
            connection.execute("INSERT OR IGNORE INTO meta VALUES ('ledger_id', ?)", (str(uuid.uuid4()),))
            connection.execute("INSERT OR IGNORE INTO meta VALUES (?, '0')", (ACKNOWLEDGED,))
            self.ledger_id = _meta(connection, "ledger_id")

    # Jobs
    def accept(self, record: JobRecord) -> tuple[Job, bool]:
        """Write a new job down, or find the same one. Returns the job and whether it is new.

        Raises :class:`JobConflict` and :class:`TargetBusy`; nothing was written then.
        """
        with self._database.write() as connection:
            present = _find(connection, record.job.id)
            if present is not None:
                if present.payload_sha256 != record.payload_sha256:
                    raise JobConflict(
                        f"Job {record.job.id} is a {present.job.operation} on {present.job.target} with another payload; "
                        "it was left alone and nothing was started. Use a new job id.",
                        job_id=record.job.id,
                    )
                return present.job, False
            _refuse_when_busy(connection, record)
            job = record.job
            connection.execute(
                "INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    job.id,
                    job.target,
                    record.bench_id,
                    record.queue,
                    job.status,
                    record.excludes_sites,
                    job.created_at,
                    record.model_dump_json(),
                ),
            )
            self._emit(connection, EventKind.QUEUED, job)
            return job, True

    def get_job(self, job_id: str) -> Job:
        """Return the job. Raises :class:`JobUnknown`."""
        return self.get_record(job_id).job

    def get_record(self, job_id: str) -> JobRecord:
        """Return the job with what only the agent needs. Raises :class:`JobUnknown`."""
        with self._database.read() as connection:
            return _get(connection, job_id)

    def list_open(self) -> list[JobRecord]:
        """Return the jobs that are not finished, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(f"SELECT record FROM jobs WHERE {IS_OPEN} ORDER BY created_at, id")  # noqa: S608
            return [JobRecord.model_validate_json(text) for (text,) in rows]

    def count_by_status(self) -> dict[JobStatus, int]:
        with self._database.read() as connection:
            rows = connection.execute("SELECT status, count(*) FROM jobs GROUP BY status")
            return dict.fromkeys(JobStatus, 0) | {JobStatus(status): count for status, count in rows}

    @contextmanager
    def changing(self, job_id: str, kind: EventKind | None = EventKind.STEP) -> Iterator[JobRecord]:
        """Yield the job; what the block changed is written, with an event unless ``kind`` is None, in one transaction."""
        with self._database.write() as connection:
            record = _get(connection, job_id)
            yield record
            connection.execute(
                "UPDATE jobs SET status = ?, record = ? WHERE id = ?",
                (record.job.status, record.model_dump_json(), job_id),
            )
            if kind is not None:
                self._emit(connection, kind, record.job)

    # Events
    def list_events(self, after: int, limit: int) -> EventPage:
        """Return up to ``limit`` events with a higher ``seq`` than ``after``."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT seq, job_id, kind, at, job FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
                (after, limit),
            ).fetchall()
        events = [
            Event(seq=seq, job_id=job_id, kind=kind, at=at, job=Job.model_validate_json(text))
            for seq, job_id, kind, at, text in rows
        ]
        return EventPage(ledger_id=self.ledger_id, events=events, next=events[-1].seq if events else after)

    def get_acknowledged(self) -> int:
        """Return the highest ``seq`` that the control plane has acknowledged."""
        with self._database.read() as connection:
            return int(_meta(connection, ACKNOWLEDGED))

    def acknowledge(self, seq: int) -> None:
        """Remember an acknowledgement; an older one changes nothing."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE meta SET value = ? WHERE name = ? AND CAST(value AS INTEGER) < ?",
                (str(seq), ACKNOWLEDGED, seq),
            )

    def count_unacknowledged(self) -> int:
        with self._database.read() as connection:
            query = "SELECT count(*) FROM events WHERE seq > ?"
            (count,) = connection.execute(query, (int(_meta(connection, ACKNOWLEDGED)),)).fetchone()
            return int(count)

    def find_oldest_unacknowledged(self) -> str | None:
        """Return when the first event arose that the control plane has not acknowledged."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT at FROM events WHERE seq > ? ORDER BY seq LIMIT 1",
                (int(_meta(connection, ACKNOWLEDGED)),),
            ).fetchone()
            return None if row is None else str(row[0])

    # Credentials
    def remember_credential(self, digest: str, expires_at: datetime) -> bool:
        """Store an accepted credential until it expires. Returns False when it stood already."""
        with self._database.write() as connection:
            cursor = connection.execute(
                "INSERT OR IGNORE INTO seen_credentials VALUES (?, ?)", (digest, write_time(expires_at))
            )
            return cursor.rowcount == 1

    def prune(self) -> None:
        """Forget expired credentials, and events that were acknowledged and are older than a week."""
        now = self._clock()
        with self._database.write() as connection:
            connection.execute("DELETE FROM seen_credentials WHERE expires_at < ?", (write_time(now),))
            connection.execute(
                "DELETE FROM events WHERE at < ? AND seq <= ?",
                (write_time(now - KEEP_EVENTS), int(_meta(connection, ACKNOWLEDGED))),
            )

    def now(self) -> str:
        """Return the time as it is written down."""
        return write_time(self._clock())

    def close(self) -> None:
        self._database.close()

    def _emit(self, connection: Connection, kind: EventKind, job: Job) -> None:
        connection.execute(
            "INSERT INTO events (job_id, kind, at, job) VALUES (?, ?, ?, ?)",
            (job.id, kind, write_time(self._clock()), job.model_dump_json()),
        )


def _meta(connection: Connection, name: str) -> str:
    (value,) = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return str(value)


def _find(connection: Connection, job_id: str) -> JobRecord | None:
    row: Any = connection.execute("SELECT record FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else JobRecord.model_validate_json(row[0])


def _get(connection: Connection, job_id: str) -> JobRecord:
    record = _find(connection, job_id)
    if record is None:
        raise JobUnknown(f"Job {job_id} is not known to this agent. Send it again to run it.", job_id=job_id)
    return record


def _refuse_when_busy(connection: Connection, record: JobRecord) -> None:
    """Raise :class:`TargetBusy` for an open job on the target, or one that no other job of the bench may run beside."""
    row: Any = connection.execute(
        f"SELECT record FROM jobs WHERE {IS_OPEN}"  # noqa: S608 - a constant
        " AND (target = ? OR (bench_id = ? AND (excludes_sites OR ?))) LIMIT 1",
        (record.job.target, record.bench_id, record.excludes_sites),
    ).fetchone()
    if row is None:
        return
    holder = JobRecord.model_validate_json(row[0])
    raise TargetBusy(
        f"{record.job.target} is busy: job {holder.job.id} is to {holder.purpose}. Nothing was started; send again when it ends.",
        holder=holder.job.id,
        purpose=holder.purpose,
    )
