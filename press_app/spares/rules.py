"""How many spares a bench keeps, and which are no good any more."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from press_app.kit.locale import CONTRACTS_OWN, Locale

LONGEST_LIFE = timedelta(days=7)
"""A spare is a clone of its template as it was then."""

MOST_ABROAD = 4
"""Spares of other homes than the platform's that stand on one bench, of all homes together: tenants choose these."""


@dataclass(frozen=True)
class Policy:
    """Bounds for each bench, set of apps and home; ``most`` 0 keeps none."""

    least: int
    most: int
    home: Locale = CONTRACTS_OWN
    """Of companies that say nothing else; of others as many are kept as are asked for."""


@dataclass(frozen=True)
class Stock:
    """What one bench holds for one set of apps and one home."""

    ready: int
    preparing: int
    failed: int
    """Failures of the last minutes: each stands for one that is not tried again yet."""
    given: int
    """Taken within the last hour."""


def count_wanted(stock: Stock, policy: Policy) -> int:
    """As many as were taken within the hour, between the bounds."""
    return min(policy.most, max(policy.least, stock.given))


def count_missing(stock: Stock, policy: Policy) -> int:
    """How many to prepare now; negative when so many are too many."""
    standing = stock.ready + stock.preparing
    missing = count_wanted(stock, policy) - standing
    return max(0, missing - stock.failed) if missing > 0 else -min(stock.ready, -missing)


def is_stale(created_at: datetime, deployed_at: datetime, now: datetime) -> bool:
    """Whether the bench was deployed anew since, a year began (companies have fiscal years), or it is just old."""
    return created_at < deployed_at or created_at.year != now.year or now - created_at > LONGEST_LIFE
