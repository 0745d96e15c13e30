"""Times as Lago writes them (ISO 8601, UTC, Z) and as clients may send them."""

from datetime import UTC, date, datetime
from typing import Any

from billing_bridge.sandbox.errors import ValidationError


def iso(moment: datetime | None) -> str | None:
    """Seconds precision: ``2026-11-23T10:00:00Z``."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_ms(moment: datetime | None) -> str | None:
    """Millisecond precision: ``2026-11-23T10:00:00.123Z``."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_moment(value: Any, field: str) -> datetime:
    """An ISO 8601 text as a UTC moment; a text without a zone is UTC.

    Raises ValidationError on ``field`` with ``invalid_date``.
    """
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ValidationError(**{field: ["invalid_date"]}) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_timestamp(value: Any) -> datetime:
    """A usage event's time: Unix seconds (number or text, with fraction) or ISO 8601."""
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except (TypeError, ValueError, OverflowError):
        return parse_moment(value, "timestamp")


def start_of(day: date) -> datetime:
    """Midnight UTC at the beginning of ``day``."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def end_of(day: date) -> datetime:
    """The last second of ``day``, UTC."""
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC)
