"""The worker side of the inbox: claim, handle, and on failure back off or bury."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from asgi_correlation_id import correlation_id

from billing_bridge.errors import BridgeError, SubjectBusy
from billing_bridge.inbox.doorbell import Doorbell
from billing_bridge.inbox.events import Event, Lane, NewEvent
from billing_bridge.inbox.store import InboxStore

log = structlog.get_logger(__name__)
BUSY_SECONDS = 0.5
SPREAD = 0.25
LONGEST_TEXT = 2_000
"""Characters of a message or an outcome that a row keeps; ids that Lago names may be of any length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What handling an event came to, and the work that it leaves behind."""

    text: str
    follow_ups: Sequence[NewEvent] = ()
    ignored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRules:
    """How failures are repeated; times in seconds."""

    max_attempts: int
    first: float
    longest: float

    def wait(self, attempts: int, chance: float) -> float:
        """Seconds to wait after `attempts` failures; `chance` in [0, 1) spreads crowds apart."""
        exponential = self.first * float(2 ** min(attempts - 1, 30))
        return min(exponential, self.longest) * (1 - SPREAD + 2 * SPREAD * chance)


class InboxWorker:
    """Handles due events one by one; several workers on one table never take the same one."""

    def __init__(
        self,
        store: InboxStore,
        *,
        handle: Callable[[Event], Outcome],
        doorbell: Doorbell,
        clock: Callable[[], datetime],
        owner: str,
        lease: timedelta,
        rules: RetryRules,
        lane: Lane = Lane.EVENTS,
    ) -> None:
        self._store = store
        self._handle = handle
        self._doorbell = doorbell
        self._clock = clock
        self._owner = owner
        self._lease = lease
        self._rules = rules
        self._lane = lane
        self._working: list[int] = []
        """Ids of what was claimed here and is handled now; a list, because appending is whole for other threads."""
        self._random = random.Random()  # noqa: S311 - spreads retries, guards nothing

    def drain(self, *, at_most: int = 200) -> int:
        """Handle due events until none is left; rings again for another worker's turn after `at_most`."""
        for done in range(at_most):
            event = self._store.claim(
                owner=self._owner, now=self._clock(), lease=self._lease, lane=self._lane
            )
            if event is None:
                return done
            self._working.append(event.id)
            try:
                self.handle_one(event)
            finally:
                self._working.remove(event.id)
        self._doorbell.ring()
        return at_most

    def renew(self) -> None:
        """Say that this worker lives; called from another thread while it works, and for nothing while it does not."""
        if ids := list(self._working):
            self._store.renew(ids, owner=self._owner, until=self._clock() + self._lease)

    def handle_one(self, event: Event) -> None:
        """Handle one claimed event; every failure ends in its row, never here."""
        token = correlation_id.set(event.correlation_id or event.unique_key)
        bound = structlog.contextvars.bind_contextvars(
            correlation_id=correlation_id.get(), event_id=event.id, webhook_type=event.webhook_type
        )
        try:
            self._attempt(event)
        finally:
            structlog.contextvars.reset_contextvars(**bound)
            correlation_id.reset(token)

    def _attempt(self, event: Event) -> None:
        if event.attempts > self._rules.max_attempts:
            # Its worker died every time: the event itself may be what kills it.
            self._store.bury(event, code="worker_died", message="Every worker that took this event was lost.")
            return
        try:
            outcome = self._handle(event)
        except SubjectBusy as error:
            when = self._clock() + timedelta(seconds=BUSY_SECONDS * (1 + self._random.random()))
            self._store.retry_at(
                event, when=when, code=error.code, message=error.message[:LONGEST_TEXT], counted=False
            )
        except BridgeError as error:
            self._fail(event, error.code, error.message)
        except Exception as error:
            log.exception("handler_failed")
            self._fail(event, "unexpected", f"{type(error).__name__}: {error}"[:1000])
        else:
            kept = self._store.finish(
                event,
                outcome=outcome.text[:LONGEST_TEXT],
                now=self._clock(),
                follow_ups=outcome.follow_ups,
                ignored=outcome.ignored,
            )
            log.info("event_handled", outcome=outcome.text, lease_lost=not kept)

    def _fail(self, event: Event, code: str, message: str) -> None:
        message = message[:LONGEST_TEXT]
        if event.attempts >= self._rules.max_attempts:
            self._store.bury(event, code=code, message=message)
            log.error("event_dead", code=code, error=message, attempts=event.attempts)
            return
        wait = self._rules.wait(event.attempts, self._random.random())
        self._store.retry_at(event, when=self._clock() + timedelta(seconds=wait), code=code, message=message)
        log.warning(
            "event_failed", code=code, error=message, attempts=event.attempts, again_in=round(wait, 2)
        )
