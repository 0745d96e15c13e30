"""The time, as it is passed around and written down."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present time with its zone."""
    return datetime.now(UTC)


def write_time(moment: datetime) -> str:
    """Write RFC 3339 in UTC with milliseconds; such texts sort as the times they stand for."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_time(text: str) -> datetime:
    """Read what :func:`write_time` wrote. Raises ``ValueError``."""
    return datetime.fromisoformat(text).astimezone(UTC)
