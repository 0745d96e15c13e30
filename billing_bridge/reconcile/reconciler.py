"""One reconcile: read both sides whole, repair every difference through the ordinary sync, report all of it."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import structlog

from billing_bridge.db import SUBJECT_LENGTH
from billing_bridge.errors import BridgeError
from billing_bridge.handlers.ledger import Ledger
from billing_bridge.handlers.sync import Synchronizer
from billing_bridge.inbox.events import Event
from billing_bridge.inbox.worker import Outcome
from billing_bridge.lago.port import Lago
from billing_bridge.policy import Decision, Entitlements
from billing_bridge.reconcile.compare import Picture, is_stale, list_decisions, list_differences, plan_print
from billing_bridge.reconcile.mismatches import Difference, MismatchKind, MismatchStore

log = structlog.get_logger(__name__)
NOTE = "reconcile"
MOST_REFRESHES = 500
REPAIRABLE = frozenset({MismatchKind.MISSING, MismatchKind.DIFFERS})


class ReconcileFailed(BridgeError):
    """The two sides could not be compared; nothing was changed by it."""

    code = "reconcile_failed"
    status = 502


class PressListing(Protocol):
    """The part of the control plane that a reconcile needs."""

    def list_subscriptions(self, *, correlation_id: str) -> Iterator[dict[str, Any]]: ...


@dataclass(kw_only=True)
class Report:
    """What one reconcile found and did; `error` is set when it could not compare."""

    started_at: str
    seconds: float = 0.0
    compared: int = 0
    mismatches: int = 0
    repaired: int = 0
    refreshed: int = 0
    error: str | None = None


class Reconciler:
    """Compares and repairs; raises nothing of its own: what failed stands in the report and in the rows."""

    def __init__(
        self,
        *,
        lago: Lago,
        press: PressListing,
        ledger: Ledger,
        synchronizer: Synchronizer,
        mismatches: MismatchStore,
        clock: Callable[[], datetime],
        grace_days: int,
        refresh_after: timedelta,
        attempts: int,
    ) -> None:
        self._lago = lago
        self._press = press
        self._ledger = ledger
        self._synchronizer = synchronizer
        self._mismatches = mismatches
        self._clock = clock
        self._grace_days = grace_days
        self._refresh_after = refresh_after
        self._attempts = attempts

    def __call__(self, event: Event) -> Outcome:
        """The handler of the bridge's own reconcile events; tries again a few times before the next one's turn."""
        report = self.run(correlation_id=event.correlation_id or event.unique_key)
        if report.error and event.attempts < self._attempts:
            raise ReconcileFailed(report.error)
        if report.error:
            return Outcome(text=f"not possible: {report.error}")
        return Outcome(
            text=f"{report.compared} compared, {report.mismatches} differed, {report.repaired} repaired, "
            f"{report.refreshed} refreshed"
        )

    def run(self, *, correlation_id: str) -> Report:
        """Compare everything now."""
        started = self._clock()
        report = Report(started_at=started.isoformat())
        try:
            self._run(report, started, correlation_id)
        except BridgeError as error:
            report.error = error.message
            log.warning("reconcile_failed", code=error.code, error=error.message)
        report.seconds = round((self._clock() - started).total_seconds(), 3)
        self._mismatches.write_note(NOTE, asdict(report), now=self._clock())
        return report

    def _run(self, report: Report, started: datetime, correlation_id: str) -> None:
        views = {
            str(v["external_id"]): v for v in self._press.list_subscriptions(correlation_id=correlation_id)
        }
        generations = self._lago.list_subscriptions()
        invoices = self._lago.list_unpaid_invoices()
        plans = self._lago.list_plan_entitlements()
        self._ledger.mark_known(sorted(views))
        picture = Picture(generations=generations, invoices=invoices, views=views)
        today = started.astimezone(UTC).date()
        differences = list(list_differences(picture, today=today, grace_days=self._grace_days))
        report.compared = len({g.external_id for g in generations} | views.keys())
        standing: set[tuple[str, str]] = set()
        for found in differences:
            self._settle(found, started, correlation_id, report, standing)
        self._mismatches.close_others(standing, now=self._clock())
        different = {found.external_id for found in differences}
        told = self._ledger.list_all()
        for external_id, decision in list_decisions(picture, today=today, grace_days=self._grace_days):
            if not isinstance(decision, Decision) or external_id in different:
                continue
            plan = plans.get(decision.subject.plan_code)
            if is_stale(decision.subject, told.get(external_id), plan, oldest=started - self._refresh_after):
                self._refresh(external_id, plan, correlation_id, report)

    def _settle(
        self,
        found: Difference,
        started: datetime,
        correlation_id: str,
        report: Report,
        standing: set[tuple[str, str]],
    ) -> None:
        """Repair one difference where that is possible, and keep what became of it."""
        told = self._ledger.find(found.external_id)
        if told is not None and told.observed_at is not None and told.observed_at > started:
            return  # An event was quicker; the pictures that were compared are older than its word.
        report.mismatches += 1
        if len(found.external_id) > SUBJECT_LENGTH:
            log.error("subject_unusable", external_id=found.external_id[:60], kind=found.kind)
            return
        error: str | None = "Not repaired by itself: look at it in Lago."
        if found.kind in REPAIRABLE:
            error = self._repair(found.external_id, f"reconcile: {found.kind}", correlation_id)
        repaired = error is None
        report.repaired += repaired
        if not repaired:
            standing.add((found.external_id, found.kind))
        self._mismatches.record(found, now=self._clock(), repaired=repaired, error=error)
        log.warning("mismatch", **asdict(found), repaired=repaired, error=error)

    def _refresh(
        self, external_id: str, plan: Entitlements | None, correlation_id: str, report: Report
    ) -> None:
        """Read one subscription in full; what does not fit into this round waits for the next one."""
        if report.refreshed >= MOST_REFRESHES:
            return
        if self._repair(external_id, "reconcile: full reading", correlation_id) is None:
            self._ledger.set_plan_print(external_id, plan_print(plan))
            report.refreshed += 1

    def _repair(self, external_id: str, purpose: str, correlation_id: str) -> str | None:
        """Sync one subscription; answers the error's message, or None when the control plane took it."""
        try:
            synced = self._synchronizer.sync(external_id, purpose=purpose, correlation_id=correlation_id)
        except BridgeError as error:
            return error.message
        return None if synced.sent and synced.applied else f"The control plane kept its state: {synced.text}"
