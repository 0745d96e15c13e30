"""Figures about the agent, read from the ledger when they are asked for."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agent.jobs.ledger import Ledger


class LedgerFigures(Collector):
    """Jobs by status, and how far the reporter is behind."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def collect(self) -> Iterable[Metric]:
        jobs = GaugeMetricFamily("press_agent_jobs", "Jobs in the ledger by status", labels=["status"])
        for status, count in self._ledger.count_by_status().items():
            jobs.add_metric([status], count)
        yield jobs
        yield GaugeMetricFamily(
            "press_agent_events_unacknowledged",
            "Events that the control plane has not acknowledged",
            value=self._ledger.count_unacknowledged(),
        )


def make_registry(ledger: Ledger) -> tuple[CollectorRegistry, Counter]:
    """Return the registry and the counter of refused credentials (label ``code``)."""
    registry = CollectorRegistry()
    registry.register(LedgerFigures(ledger))
    refused = Counter(
        "press_agent_credentials_refused",
        "Requests whose credential was refused, by code",
        ["code"],
        registry=registry,
    )
    return registry, refused
