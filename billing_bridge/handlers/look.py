"""Where an event says to look; what is true there only Lago's API says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from billing_bridge.lago.parse import subscriptions_named
from billing_bridge.policy import Status

Payload = Mapping[str, Any]
NOT_LIVE_YET = frozenset({Status.PENDING, Status.INCOMPLETE})
NOT_ENDED_YET = frozenset({Status.PENDING, Status.INCOMPLETE, Status.ACTIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Places to look; `expects` names a generation that the reading must show past the statuses `too_early`."""

    subscriptions: tuple[str, ...] = ()
    invoices: tuple[str, ...] = ()
    plan: str | None = None
    customer: str | None = None
    everything: bool = False
    expects: str | None = None
    too_early: frozenset[str] = frozenset()


def at_subscription(payload: Payload, *, too_early: Iterable[str] = ()) -> Look:
    """Look at the subscription that the payload is."""
    external_id = text(payload, "external_id")
    return Look(
        subscriptions=(external_id,) if external_id else (),
        expects=text(payload, "lago_id"),
        too_early=frozenset(too_early),
    )


def at_invoice(payload: Payload) -> Look:
    """Look at the subscriptions that the invoice names; at the invoice itself when the payload names none."""
    named = tuple(subscriptions_named(payload))
    lago_id = text(payload, "lago_id")
    return Look(subscriptions=named) if named or not lago_id else Look(invoices=(lago_id,))


def text(payload: Payload, key: str) -> str | None:
    value = payload.get(key)
    return value if isinstance(value, str) and value else None
