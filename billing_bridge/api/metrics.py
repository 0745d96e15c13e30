"""Prometheus figures: what this process received, and what the database says about the rest."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from billing_bridge.bootstrap import Bridge
from billing_bridge.reconcile.reconciler import NOTE

PREFIX = "press_bridge"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class Metrics:
    """One registry per API process."""

    def __init__(self, bridge: Bridge) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_DatabaseCollector(bridge))
        self._received = Counter(
            f"{PREFIX}_webhooks_received",
            "Deliveries by event type and outcome.",
            ["type", "outcome"],
            registry=self._registry,
        )
        self.acknowledged = Histogram(
            f"{PREFIX}_webhook_seconds",
            "Time from the first byte to the acknowledgement.",
            buckets=BUCKETS,
            registry=self._registry,
        )

    def count_received(self, webhook_type: str, outcome: str) -> None:
        """`webhook_type` must come from a closed list, so that nobody can grow the registry."""
        self._received.labels(type=webhook_type, outcome=outcome).inc()

    def render(self) -> bytes:
        return generate_latest(self._registry)


class _DatabaseCollector(Collector):
    """Asks the database at each scrape, so that every process tells the same."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    def collect(self) -> Iterable[Metric]:
        backlog = self._bridge.store.count_backlog(now=self._bridge.clock())
        mismatches = self._bridge.mismatches
        last = mismatches.find_note(NOTE) or {}
        figures = {
            "inbox_waiting": ("Events that are not handled yet.", backlog.waiting),
            "inbox_oldest_seconds": (
                "Age of the oldest event that is not handled yet.",
                backlog.oldest_seconds,
            ),
            "inbox_dead": ("Dead letters that wait for a replay.", backlog.dead),
            "mismatches_open": (
                "Differences between Lago and the control plane that stand.",
                mismatches.count_open(),
            ),
            "mismatches_found": (
                "Differences that were ever found and are still kept.",
                mismatches.count_all(),
            ),
            "reconcile_seconds": ("Duration of the last reconcile.", float(last.get("seconds") or 0.0)),
            "reconcile_failed": (
                "1 when the last reconcile could not compare.",
                1.0 if last.get("error") else 0.0,
            ),
        }
        for name, (text, value) in figures.items():
            yield GaugeMetricFamily(f"{PREFIX}_{name}", text, value=float(value))

    def describe(self) -> Iterable[Metric]:
        return []
