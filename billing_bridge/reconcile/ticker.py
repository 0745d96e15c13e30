"""The clockwork of a worker process: renews leases, rings for due events, starts reconciles, cleans up."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog

from billing_bridge.inbox.doorbell import Doorbell
from billing_bridge.inbox.events import RECONCILE, Lane, NewEvent, Source
from billing_bridge.inbox.leases import Leases
from billing_bridge.inbox.store import InboxStore
from billing_bridge.inbox.watch import Watch
from billing_bridge.inbox.worker import InboxWorker
from billing_bridge.reconcile.mismatches import MismatchStore

log = structlog.get_logger(__name__)
HOUR = 3600.0
KEEP_OWN = timedelta(days=2)


class Ticker:
    """Three threads: one renews leases, one keeps the beat, one reconciles, so that nothing waits for what takes long."""

    def __init__(
        self,
        *,
        store: InboxStore,
        watches: Mapping[Lane, Watch],
        leases: Leases,
        doorbell: Doorbell,
        worker: InboxWorker,
        reconcile_worker: InboxWorker,
        mismatches: MismatchStore,
        clock: Callable[[], datetime],
        sweep_seconds: float,
        lease_seconds: float,
        reconcile_seconds: float,
        keep: timedelta,
    ) -> None:
        self._store = store
        self._watches = watches
        self._leases = leases
        self._doorbell = doorbell
        self._worker = worker
        self._reconcile_worker = reconcile_worker
        self._mismatches = mismatches
        self._clock = clock
        self._sweep_seconds = min(sweep_seconds, lease_seconds / 4)
        self._reconcile_seconds = reconcile_seconds
        self._keep = keep
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._cleaned = time.monotonic()
        self._slot = 0

    def start(self) -> None:
        for name, beat in (
            ("renew", self.renew),
            ("sweep", self.sweep),
            ("reconcile", self.reconcile_if_due),
        ):
            thread = threading.Thread(target=self._repeat, args=(beat,), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, *, timeout: float = 10.0) -> None:
        """Ask the threads to end and wait at most `timeout` seconds for each."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout)

    def renew(self) -> None:
        """Say that this process lives, whatever its other threads wait for."""
        self._worker.renew()
        self._reconcile_worker.renew()
        self._leases.renew()

    def sweep(self) -> None:
        """Ring when anything is due; with a dead bell, do one event here."""
        if self._watches[Lane.EVENTS].has_due(self._clock()) and not self._doorbell.ring():
            self._worker.drain(at_most=1)
        if time.monotonic() - self._cleaned > HOUR:
            self._cleaned = time.monotonic()
            self.clean_up()

    def reconcile_if_due(self) -> None:
        """Store this interval's reconcile once, whoever else ticks, and do what waits in that lane."""
        now = self._clock()
        slot = int(now.timestamp() // self._reconcile_seconds)
        if slot != self._slot:
            self._store.insert([new_reconcile(f"reconcile:{self._reconcile_seconds:g}:{slot}")], now=now)
            self._slot = slot
        if self._watches[Lane.RECONCILE].has_due(now):
            self._reconcile_worker.drain()

    def clean_up(self) -> None:
        now = self._clock()
        self._store.purge(received_before=now - self._keep, source=Source.LAGO)
        self._store.purge(received_before=now - KEEP_OWN, source=Source.BRIDGE)
        self._mismatches.purge(repaired_before=now - self._keep)

    def _repeat(self, beat: Callable[[], None]) -> None:
        while not self._stop.is_set():
            try:
                beat()
            except Exception:
                log.exception("tick_failed")
            self._stop.wait(self._sweep_seconds)


def new_reconcile(unique_key: str, *, correlation_id: str | None = None) -> NewEvent:
    """Work for later: compare everything."""
    return NewEvent(
        unique_key=unique_key,
        webhook_type=RECONCILE,
        source=Source.BRIDGE,
        body=b"{}",
        correlation_id=correlation_id or unique_key,
    )
