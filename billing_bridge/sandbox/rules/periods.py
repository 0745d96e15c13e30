"""Billing periods by calendar or anniversary, and shares of an amount by day."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

MONTHS = {"monthly": 1, "quarterly": 3, "semiannual": 6, "yearly": 12}


@dataclass(frozen=True)
class Period:
    """Both days belong to it."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """Its length."""
        return (self.last - self.first).days + 1


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last one."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def period_on(day: date, *, interval: str, billing_time: str, anchor: date) -> Period:
    """The billing period that contains ``day``; ``anchor`` is the day an anniversary plan counts from."""
    if interval == "weekly":
        weekday = 0 if billing_time == "calendar" else anchor.weekday()
        first = day - timedelta(days=(day.weekday() - weekday) % 7)
        return Period(first, first + timedelta(days=6))
    step = MONTHS[interval]
    if billing_time == "calendar":
        first = date(day.year, (day.month - 1) // step * step + 1, 1)
        return Period(first, add_months(first, step) - timedelta(days=1))
    passed = (day.year - anchor.year) * 12 + day.month - anchor.month
    count = passed // step
    if add_months(anchor, count * step) > day:
        count -= 1
    return Period(
        add_months(anchor, count * step), add_months(anchor, (count + 1) * step) - timedelta(days=1)
    )


def share(amount_cents: int, used: Period, whole: Period) -> int:
    """The part of ``amount_cents`` that falls to the days of ``used``, rounded half up, in cents."""
    return (2 * amount_cents * used.days + whole.days) // (2 * whole.days)
