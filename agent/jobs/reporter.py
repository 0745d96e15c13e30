"""Pushes events to the control plane in order until it has them."""

import threading
from collections.abc import Callable

import redis
import structlog

from agent.errors import AgentError
from agent.jobs.doorbell import Doorbell
from agent.jobs.ledger import Ledger

PAGE = 100
LOOK_SECONDS = 2
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
log = structlog.get_logger(__name__)


class Reporter:
    """One per agent. What is pushed twice does no harm: the receiver goes by ledger and ``seq``."""

    def __init__(self, ledger: Ledger, push: Callable[[str], int], doorbell: Doorbell) -> None:
        self._ledger = ledger
        self._push = push
        self._doorbell = doorbell

    def run(self, stopping: threading.Event) -> None:
        """Push until told to stop; woken by the doorbell, looking by itself now and then."""
        pause = FIRST_PAUSE_SECONDS
        while not stopping.is_set():
            try:
                while self.push_page():
                    pause = FIRST_PAUSE_SECONDS
            except AgentError as error:
                log.warning("reporter.push_failed", code=error.code, error=error.message, pause_seconds=pause)
                stopping.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                continue
            self._wait(stopping)

    def push_page(self) -> bool:
        """Push the next page of events. Returns False when there is none.

        Raises ``press_unreachable``, ``press_refused``, ``not_enrolled`` and ``ledger_unavailable``; the events are
        kept then.
        """
        acknowledged = self._ledger.get_acknowledged()
        page = self._ledger.list_events(acknowledged, PAGE)
        if not page.events:
            return False
        heard = self._push(page.model_dump_json(include={"ledger_id", "events"}))
        if heard <= acknowledged:
            raise NotAcknowledged(
                f"The control plane acknowledged nothing after {acknowledged}; it is asked again."
            )
        self._ledger.acknowledge(min(heard, page.next))
        return True

    def _wait(self, stopping: threading.Event) -> None:
        try:
            self._doorbell.wait_for_events(LOOK_SECONDS)
        except redis.RedisError:
            stopping.wait(LOOK_SECONDS)


class NotAcknowledged(AgentError):
    """The control plane took the events and remembered none."""

    code = "not_acknowledged"
