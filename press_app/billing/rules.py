"""Pure rules of billing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from press_app.kit.locale import Locale, is_word
from press_app.plans.rules import BASE, Entitlements


def hold_message(reason: dict[str, object] | None) -> str:
    """What the customer and the operator read on a held site."""
    message = (reason or {}).get("message")
    return str(message) if message else "The subscription is not paid or not active."


def choose_first_apps(granted: Entitlements, offers: Sequence[Collection[str]]) -> tuple[str, ...]:
    """Which apps the first site gets: all that are granted, as far as one bench offers them together.

    Where nothing is offered yet it waits for all that is granted.
    """
    if not offers:
        return granted.apps or (BASE,)
    possible = [tuple(app for app in offer if granted.allows_app(app)) for offer in offers]
    return max(possible, key=len)


def choose_home(told: Mapping[str, str | None], home: Locale) -> Locale:
    """Where a customer's first company is at home: what Lago knows of it, and the platform's own for the rest.

    A word that nobody understands counts as none: a site at the wrong home is better than none. The currency is the one that the
    customer is billed in, which Lago takes from the plan: without a country it says nothing about his books.
    """
    known = {name: text for name, text in told.items() if text and is_word(name, text)}
    if "country" not in known:
        known.pop("currency", None)
    return replace(home, **known)


def has_room(granted: Entitlements, live_sites: int, apps: tuple[str, ...]) -> bool:
    """Whether one more site with these apps fits."""
    return (granted.sites is None or live_sites < granted.sites) and all(
        granted.allows_app(app) for app in apps
    )


def archive_due_at(ended_at: datetime, retention_days: int) -> datetime:
    """When the sites of an ended subscription may be archived."""
    return ended_at + timedelta(days=retention_days)


def is_burst(ended_in_window: int, limit: int) -> bool:
    """Whether so many endings at once must be looked at by a person."""
    return ended_in_window > limit
