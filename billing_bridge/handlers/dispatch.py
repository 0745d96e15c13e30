"""From an event in the inbox to the syncs that it asks for."""

import json
import uuid
from collections.abc import Callable, Mapping

from billing_bridge.errors import LagoNotYet
from billing_bridge.handlers.look import Look
from billing_bridge.handlers.sync import Expected, Synchronizer
from billing_bridge.handlers.table import HANDLERS
from billing_bridge.inbox.envelope import read_envelope, read_json
from billing_bridge.inbox.events import SYNC, Event, NewEvent, Source
from billing_bridge.inbox.worker import Outcome
from billing_bridge.lago.port import Lago

PATIENCE = 4
"""So often an event is believed more than a reading that contradicts it; then the reading counts."""


class Dispatcher:
    """Handles every kind of event; `own` adds the bridge's own kinds by name."""

    def __init__(
        self, *, lago: Lago, synchronizer: Synchronizer, own: Mapping[str, Callable[[Event], Outcome]]
    ) -> None:
        self._lago = lago
        self._synchronizer = synchronizer
        self._own = {SYNC: self._sync_one, **own}

    def __call__(self, event: Event) -> Outcome:
        """Handle one event; one subscription is synced here, several become events of their own."""
        if event.source == Source.BRIDGE:
            return self._own[event.webhook_type](event)
        handler = HANDLERS.get(event.webhook_type)
        if handler is None:
            return Outcome(text="no handler for this type", ignored=True)
        look = handler(read_envelope(event.body).payload)
        external_ids = self._find_subscriptions(event, look)
        if len(external_ids) == 1:
            return self._sync(event, external_ids[0], look)
        if not external_ids:
            return Outcome(text="names no subscription")
        follow_ups = [
            new_sync(external_id, correlation_id=_correlation(event)) for external_id in external_ids
        ]
        return Outcome(text=f"{len(follow_ups)} subscriptions to look at", follow_ups=follow_ups)

    def _find_subscriptions(self, event: Event, look: Look) -> list[str]:
        found = list(look.subscriptions)
        for lago_id in look.invoices:
            invoice = self._lago.find_invoice(lago_id)
            if invoice is None and event.attempts <= PATIENCE:
                raise LagoNotYet(
                    f"Lago does not show invoice {lago_id} that its event speaks of; it is read again."
                )
            found.extend(sorted(invoice.subscriptions) if invoice else ())
        if look.plan or look.customer or look.everything:
            listed = self._lago.list_subscriptions(plan_code=look.plan, external_customer_id=look.customer)
            found.extend(g.external_id for g in listed if not g.is_ended)
        return list(dict.fromkeys(found))

    def _sync(self, event: Event, external_id: str, look: Look) -> Outcome:
        expected = None
        if look.expects and event.attempts <= PATIENCE:
            expected = Expected(lago_id=look.expects, too_early=look.too_early)
        synced = self._synchronizer.sync(
            external_id,
            purpose=f"sync after {event.webhook_type}",
            correlation_id=_correlation(event),
            expected=expected,
        )
        return Outcome(text=synced.text)

    def _sync_one(self, event: Event) -> Outcome:
        external_id = str(read_json(event.body)["external_id"])
        return self._sync(event, external_id, Look())


def new_sync(external_id: str, *, correlation_id: str) -> NewEvent:
    """Work for later: look at one subscription."""
    return NewEvent(
        unique_key=f"sync:{uuid.uuid4()}",
        webhook_type=SYNC,
        source=Source.BRIDGE,
        body=json.dumps({"external_id": external_id}).encode(),
        correlation_id=correlation_id,
    )


def _correlation(event: Event) -> str:
    return event.correlation_id or event.unique_key
