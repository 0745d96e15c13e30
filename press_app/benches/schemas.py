"""Shapes of benches on the wire."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from press_app.benches.lifecycle import BenchStatus
from press_app.benches.model import Bench


class BenchCreate(BaseModel):
    """A bench to deploy; without a server the emptiest one is chosen."""

    release: str = Field(max_length=63, description="Id or name of the release.")
    server_id: str | None = Field(default=None, max_length=36)
    memory_bytes: int = Field(default=2 * 1024**3, ge=256 * 1024**2, le=1024**4)
    max_sites: int = Field(default=200, ge=1, le=10_000)


class BenchMove(BaseModel):
    """What to do with a bench."""

    event: Literal["deploy", "drain", "reopen", "retire"]


class BenchView(BaseModel):
    """A bench as operators see it."""

    id: str
    server_id: str
    release_id: str
    status: BenchStatus
    target_status: BenchStatus | None
    site_count: int
    max_sites: int
    memory_bytes: int
    url: str | None
    facts: dict[str, Any] | None
    error: dict[str, Any] | None
    created_at: datetime
    job_id: str | None = None
    """The job that works on it now."""

    @classmethod
    def of(cls, bench: Bench, job_id: str | None) -> Self:
        view = cls.model_validate(bench, from_attributes=True)
        view.job_id = job_id
        return view


class BenchPage(BaseModel):
    """One page of benches."""

    items: list[BenchView]
    next_cursor: str | None


class BenchStats(BaseModel):
    """What a bench takes of its host at this moment."""

    bench_id: str
    status: str
    """As its host sees it."""
    memory_bytes: int
    memory_limit_bytes: int
    processor_seconds: float
    """Of all its programs since they were started."""
    processes: int


class BenchLog(BaseModel):
    """The end of what a bench printed."""

    bench_id: str
    text: str
