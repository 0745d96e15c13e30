"""The sandbox's clock: the machine's, plus a lead that is stored and only ever grows."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from billing_bridge.sandbox.store import get_setting, put_setting


def machine_now() -> datetime:
    """The machine's own time, UTC."""
    return datetime.now(UTC)


class Clock:
    """Reads and moves the sandbox's time; ``source`` is the machine's clock."""

    def __init__(self, source: Callable[[], datetime] = machine_now) -> None:
        self._source = source

    def now(self, session: Session) -> datetime:
        """The sandbox's moment, UTC."""
        return self._source() + timedelta(seconds=self._lead(session))

    def machine_seconds(self) -> float:
        """Unix seconds of the machine, for waits that have nothing to do with the sandbox's time."""
        return self._source().timestamp()

    def move_to(self, session: Session, moment: datetime) -> None:
        """Set the lead so that it is ``moment`` now."""
        lead = (moment - self._source()).total_seconds()
        put_setting(session, "clock", {"lead_seconds": lead})

    @staticmethod
    def _lead(session: Session) -> float:
        return float(get_setting(session, "clock").get("lead_seconds", 0.0))
