"""Jobs for tests, as the ledger keeps them."""

import uuid
from datetime import UTC, datetime
from typing import Any

from agent.host.clock import write_time
from agent.jobs.model import Job, JobRecord, Step

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
BENCH = str(uuid.uuid4())


def make_record(**overrides: Any) -> JobRecord:
    job_id = overrides.pop("job_id", None) or str(uuid.uuid4())
    target = overrides.pop("target", f"site:{uuid.uuid4()}")
    job = Job(
        id=job_id,
        operation="create_site",
        target=target,
        steps=[Step(key="a", title="A")],
        deadline=write_time(NOW),
        created_at=write_time(NOW),
    )
    values: dict[str, Any] = {
        "job": job,
        "params": {},
        "bench_id": BENCH,
        "queue": "urgent",
        "purpose": "create the site",
        "excludes_sites": False,
        "payload_sha256": "1",
    }
    return JobRecord(**(values | overrides))
