"""Figures for Prometheus: HTTP from memory, work and sites from one look at the database."""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import InstrumentedAttribute

from press_app.benches.lifecycle import BenchStatus
from press_app.benches.model import Bench
from press_app.jobs.lifecycle import JobStatus
from press_app.jobs.model import Job
from press_app.servers.lifecycle import ServerStatus
from press_app.servers.model import Server
from press_app.sites.lifecycle import SiteStatus
from press_app.sites.model import Site
from press_app.spares.lifecycle import SpareStatus
from press_app.spares.model import Spare
from press_app.work.model import TaskRow, TaskStatus
from press_app.work.unit_of_work import Work

log = structlog.get_logger(__name__)

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
COUNTED: Mapping[str, tuple[InstrumentedAttribute[Any], Iterable[StrEnum]]] = {
    "tasks": (TaskRow.status, set(TaskStatus) - {TaskStatus.DONE}),
    "jobs": (Job.status, set(JobStatus) - {JobStatus.SUCCEEDED}),
    "sites": (Site.status, SiteStatus),
    "spares": (Spare.status, set(SpareStatus) - {SpareStatus.GIVEN, SpareStatus.GONE}),
    "benches": (Bench.status, BenchStatus),
    "servers": (Server.status, ServerStatus),
}
"""What is counted, and in which states. What ended well is history: it grows for ever and says nothing of now."""

router = APIRouter()


class HttpMetrics:
    """Requests by method, route template and status."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "press_http_requests", "Answered requests.", ("method", "route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "press_http_request_seconds",
            "Seconds until the answer was out.",
            ("method", "route"),
            buckets=BUCKETS,
            registry=registry,
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)


class DatabaseCollector(Collector):
    """How many of each stand in which state that is not over, and how long the oldest due task waits."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is read when the collector is registered."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("press_database_up", "1 while the database answers.")
        try:
            families = self._read()
        except SQLAlchemyError as error:
            log.warning("metrics.database_away", error=type(error).__name__)
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from families

    def _read(self) -> list[GaugeMetricFamily]:
        families = []
        with self._work.read() as session:
            for name, (column, states) in COUNTED.items():
                family = GaugeMetricFamily(
                    f"press_{name}", f"Number of {name} by status.", labels=("status",)
                )
                query = select(column, func.count()).where(column.in_(list(states))).group_by(column)
                for status, number in session.execute(query).all():
                    family.add_metric([status.value], number)
                families.append(family)
            oldest = session.scalar(
                select(func.min(TaskRow.run_at)).where(TaskRow.status == TaskStatus.WAITING)
            )
        waits = GaugeMetricFamily("press_task_oldest_seconds", "How long the oldest due task waits.")
        now = self._work.clock.now()
        waits.add_metric([], max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)
        return [*families, waits]


@router.get("/metrics", operation_id="read_metrics", include_in_schema=False)
def read_metrics(request: Request) -> Response:
    """For Prometheus. The edge does not route it."""
    return Response(generate_latest(request.app.state.registry), media_type=CONTENT_TYPE_LATEST)
