"""The composition root: store, clock, webhooks and the ticker that runs scheduled work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Event, Thread

import structlog

from billing_bridge.sandbox.billing.queries import CountCache
from billing_bridge.sandbox.clock import Clock, machine_now
from billing_bridge.sandbox.config import Settings
from billing_bridge.sandbox.errors import ValidationError
from billing_bridge.sandbox.schedule import find_next, run_due
from billing_bridge.sandbox.settlement import run_charges
from billing_bridge.sandbox.store import Store
from billing_bridge.sandbox.webhooks.dispatcher import Dispatcher
from billing_bridge.sandbox.webhooks.signing import Signer
from billing_bridge.sandbox.work import Work

log = structlog.get_logger(__name__)


class Sandbox:
    """Everything one running sandbox holds."""

    def __init__(self, settings: Settings, *, time_source: Callable[[], datetime] = machine_now) -> None:
        self.settings = settings
        self.store = Store(settings.database)
        self.invoice_counts = CountCache()
        self.clock = Clock(time_source)
        self.signer = Signer(
            hmac_key=settings.hmac_key.get_secret_value(),
            key_path=settings.rsa_private_key,
            issuer=settings.issuer,
        )
        self.dispatcher = Dispatcher(
            store=self.store, clock=self.clock, settings=settings, signer=self.signer
        )
        self._ticker = Ticker(self.tick, settings.tick_seconds)

    def start(self) -> None:
        """Begin to send webhooks and to run scheduled work."""
        self.dispatcher.start()
        self._ticker.start()

    def stop(self) -> None:
        """End both; the store keeps what was not sent."""
        self._ticker.stop()
        self.dispatcher.stop()
        self.store.close()

    @contextmanager
    def work(self, at: datetime | None = None) -> Iterator[Work]:
        """One unit of work: everything in the block is kept, or nothing when it raises.

        Charges are made at the end of the block, webhooks leave after it. ``at`` pins the moment.
        """
        with self.store.transaction() as session:
            work = Work(
                session=session,
                now=at or self.clock.now(session),
                settings=self.settings,
                machine_time=self.clock.machine_seconds(),
            )
            yield work
            run_charges(work)
        self.dispatcher.wake()

    def tick(self) -> None:
        """Run what is due now."""
        with self.work() as work:
            run_due(work)

    def wake_ticker(self) -> None:
        """Jobs were left for the ticker."""
        self._ticker.wake()

    def move_clock(self, until: datetime, *, missed: bool = False) -> None:
        """Move the clock forward and run, moment by moment, all that falls due on the way.

        ``missed`` leaps instead, as if Lago's clock process had been down. Raises ValidationError for the past.
        """
        with self.store.transaction() as session:
            now = self.clock.now(session)
            if until < now:
                raise ValidationError(now=["cannot_move_backwards"])
        while now < until:
            with self.work(now) as work:
                step = until if missed else find_next(work, until)
                self.clock.move_to(work.session, step)
            now = step
            with self.work(now) as work:
                run_due(work)

    def reset(self) -> None:
        """Forget every object, the clock's lead and the chaos settings; keys stay."""
        self.store.reset()
        self.invoice_counts.entries.clear()


class Ticker:
    """Calls ``job`` every ``seconds``, and at once when woken."""

    def __init__(self, job: Callable[[], None], seconds: float) -> None:
        self._job, self._seconds = job, seconds
        self._bell, self._stopping = Event(), Event()
        self._thread = Thread(target=self._run, name="sandbox-ticker", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the run under way."""
        self._stopping.set()
        self._bell.set()
        self._thread.join()

    def wake(self) -> None:
        """Run soon."""
        self._bell.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._bell.clear()
            try:
                self._job()
            except Exception:
                log.exception("scheduled work failed; nothing of this run was kept, the next one tries again")
            self._bell.wait(self._seconds)
