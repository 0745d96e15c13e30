"""One unit of work: a transaction, a moment of the sandbox's clock, and what is to happen at its end."""

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing_bridge.sandbox.config import PaymentOutcome, Settings
from billing_bridge.sandbox.model import Invoice
from billing_bridge.sandbox.outbox import Endpoint, Webhook
from billing_bridge.sandbox.store import get_setting, put_setting


class HasId(Protocol):
    """Anything a webhook can be about."""

    @property
    def id(self) -> Any: ...


@dataclass
class Work:
    """Passed to everything that changes the store.

    ``charges`` are invoices to be charged when the block ends; ``machine_time`` is Unix seconds for retries.
    """

    session: Session
    now: datetime
    settings: Settings
    machine_time: float
    charges: list[Invoice] = field(default_factory=list)

    @property
    def today(self) -> date:
        """The sandbox's day, UTC."""
        return self.now.date()

    def emit(self, webhook_type: str, subject: HasId, **options: Any) -> None:
        """Store one webhook per endpoint that wants it; bodies are built when they are sent.

        Lost ones (``drop_next`` of the chaos settings) are stored as ``dropped`` and never sent.
        """
        self.session.flush()
        for endpoint in self._endpoints:
            if not wants(endpoint, webhook_type):
                continue
            for _ in range(2 if self._chaos.get("emit_twice") else 1):
                self.session.add(self._webhook(endpoint, webhook_type, subject, options))

    @cached_property
    def _endpoints(self) -> list[Endpoint]:
        return list(self.session.scalars(select(Endpoint)))

    @cached_property
    def _chaos(self) -> dict[str, Any]:
        return get_setting(self.session, "chaos")

    def _webhook(
        self, endpoint: Endpoint, webhook_type: str, subject: HasId, options: dict[str, Any]
    ) -> Webhook:
        lost = int(self._chaos.get("drop_next", 0)) > 0
        if lost:
            self._chaos["drop_next"] -= 1
            put_setting(self.session, "chaos", dict(self._chaos))
        return Webhook(
            endpoint_id=endpoint.id,
            webhook_type=webhook_type,
            object_id=subject.id,
            options=options,
            state="dropped" if lost else "pending",
            next_attempt_at=None if lost else self.machine_time,
            created_at=self.now,
        )

    @property
    def auto_pay(self) -> tuple[PaymentOutcome, float]:
        """What the provider does with a charge, and after how many seconds."""
        stored = get_setting(self.session, "auto_pay")
        outcome = PaymentOutcome(stored.get("outcome", self.settings.auto_pay))
        return outcome, float(stored.get("delay_seconds", self.settings.payment_delay))


def wants(endpoint: Endpoint, webhook_type: str) -> bool:
    """Whether this endpoint subscribed to the type; no list, or a star, means all."""
    return endpoint.event_types is None or "*" in endpoint.event_types or webhook_type in endpoint.event_types
