"""No site is Active without an active subscription or an operator's word. Leeway two minutes for the suspension."""

from collections.abc import Iterator
from datetime import timedelta

from press_app.billing import service as billing
from press_app.invariants.base import Invariant, Violation, World

LEEWAY = timedelta(minutes=2)


def find(world: World) -> Iterator[Violation]:
    """Active sites that nothing pays for."""
    latest = world.work.clock.now() - LEEWAY
    with world.work.read() as session:
        for site in billing.list_uncovered_active(session):
            if site.status_since < latest:
                message = f"{site.hostname} runs, but no active subscription covers it. Hold it, or cover it."
                yield Violation(site.target, message)


INVARIANT = Invariant(
    "uncovered-sites", "No site is Active without a subscription or an operator's word.", find
)
