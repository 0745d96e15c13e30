"""Rules of the round of backups, which need no database: when, and what is kept."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

RETRY_AFTER = timedelta(minutes=10)
CLOSED_EVERY = timedelta(days=1)
"""Nobody can write into a closed site; it is looked after all the same."""


def first_turn(site_id: str, created_at: datetime, now: datetime, interval: timedelta) -> datetime:
    """When a site has its first turn: within one interval of its making, at a moment of its own, so that not all come at once."""
    share = zlib.crc32(site_id.encode()) / 2**32
    return max(now, created_at + interval * share)


def is_unchanged(
    backed_up_at: datetime | None, closed_since: datetime | None, now: datetime, interval: timedelta
) -> bool:
    """Whether a turn can be left out: the site has been closed since before its newest backup, which is less than a day old."""
    if backed_up_at is None or closed_since is None:
        return False
    return closed_since < backed_up_at and now + interval - backed_up_at < max(CLOSED_EVERY, interval)


SCHEDULED, ARCHIVE = "scheduled", "archive"
COPY_DAYS = 7
"""A copy stands long before that."""


@dataclass(frozen=True)
class Policy:
    """How many of the backups that were taken by themselves are kept, and for how many days the others."""

    hourly: int
    daily: int
    weekly: int
    monthly: int
    manual_days: int
    change_days: int

    @property
    def periods(self) -> tuple[tuple[int, str, str], ...]:
        """How many, of which period, and how its periods are told apart."""
        return (
            (self.hourly, "hour", "%Y-%m-%d %H"),
            (self.daily, "day", "%Y-%m-%d"),
            (self.weekly, "week", "%G-%V"),
            (self.monthly, "month", "%Y-%m"),
        )


@dataclass(frozen=True)
class Saved:
    """A verified backup."""

    id: str
    kind: str
    taken_at: datetime


def choose_over(
    saved: Sequence[Saved], policy: Policy, now: datetime, *, is_archived: bool
) -> dict[str, str]:
    """The backups of one site whose time is over, and why. The newest of all never is, nor the one that stands for an archived site."""
    newest_first = sorted(saved, key=lambda each: each.taken_at, reverse=True)
    in_turn = [each for each in newest_first if each.kind == SCHEDULED]
    kept = {each.id for each in newest_first[:1]} | {each.id for each in _list_kept(in_turn, policy)}
    over = {each.id: "a newer one stands for its time" for each in in_turn if each.id not in kept}
    for each in newest_first[1:]:
        days = _days_of(each.kind, policy, is_archived=is_archived)
        if days is not None and now - each.taken_at > timedelta(days=days):
            over[each.id] = f"older than {days} days ({each.kind})"
    return over


def _list_kept(newest_first: Sequence[Saved], policy: Policy) -> Iterator[Saved]:
    """The newest of each of the last hours, days, weeks and months of which there is one."""
    for count, _, written in policy.periods:
        seen: dict[str, Saved] = {}
        for each in newest_first:
            seen.setdefault(each.taken_at.astimezone(UTC).strftime(written), each)
        yield from list(seen.values())[:count]


def _days_of(kind: str, policy: Policy, *, is_archived: bool) -> int | None:
    """For how long one that was taken for a reason is kept; None where that is decided otherwise."""
    if kind == SCHEDULED or (kind == ARCHIVE and is_archived):
        return None
    return {"manual": policy.manual_days, "for-copy": COPY_DAYS}.get(kind, policy.change_days)
