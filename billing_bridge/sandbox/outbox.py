"""What the sandbox stores about webhooks: where they go, and each one on its way."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing_bridge.sandbox.model import Base, new_id
from billing_bridge.sandbox.rules.deliveries import DeliveryStep, advance_delivery


class Endpoint(Base):
    """Where webhooks go."""

    __tablename__ = "webhook_endpoints"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    webhook_url: Mapped[str]
    signature_algo: Mapped[str] = mapped_column(default="jwt")
    name: Mapped[str | None]
    event_types: Mapped[list[Any] | None] = mapped_column(JSON)
    created_at: Mapped[datetime]


class Webhook(Base):
    """One event for one endpoint. Its id is the unique key of every attempt."""

    __tablename__ = "webhooks"

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True, default=new_id)
    endpoint_id: Mapped[str] = mapped_column(
        ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), index=True
    )
    webhook_type: Mapped[str]
    object_id: Mapped[str]
    options: Mapped[dict[str, Any]]
    payload: Mapped[str | None]
    state: Mapped[str] = mapped_column(default="pending", index=True)
    attempts: Mapped[list[Any]] = mapped_column(default=list)
    next_attempt_at: Mapped[float | None]
    """Unix seconds of the machine's clock, not the sandbox's: retries are not time travel."""
    created_at: Mapped[datetime]

    endpoint: Mapped[Endpoint] = relationship()

    def apply(self, step: DeliveryStep) -> None:
        """Move it. Raises ValueError where its state does not allow the step."""
        self.state = advance_delivery(self.state, step)
