"""What the bridge asks of Lago; the real clients and the fake all answer it."""

from dataclasses import dataclass
from typing import Protocol

from billing_bridge.policy import Customer, Entitlements, Generation, Invoice


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpoint:
    """One webhook endpoint as Lago holds it."""

    lago_id: str
    url: str
    signature_algo: str
    event_types: tuple[str, ...]


class Lago(Protocol):
    """Every method raises `LagoUnreadable` when the answer cannot be had or cannot be believed."""

    def list_subscriptions(
        self,
        *,
        external_id: str | None = None,
        plan_code: str | None = None,
        external_customer_id: str | None = None,
    ) -> list[Generation]:
        """All generations in every status that match; complete, or the call raises."""

    def list_unpaid_invoices(self, *, external_customer_id: str | None = None) -> list[Invoice]:
        """Finalized invoices that are failed or overdue, each with the subscriptions it names."""

    def find_invoice(self, lago_id: str) -> Invoice | None: ...

    def find_customer(self, external_id: str) -> Customer | None:
        """None for a customer that was deleted."""

    def find_entitlements(self, external_id: str, plan_code: str) -> Entitlements | None:
        """The live subscription's own entitlements, else its plan's; None when Lago names none."""

    def list_plan_entitlements(self) -> dict[str, Entitlements | None]:
        """Every plan's entitlements by its code, so that a lost plan event is noticed."""

    def check(self, *, timeout: float) -> None:
        """One cheap authenticated read without retries; `timeout` in seconds."""


class LagoAdmin(Protocol):
    """The calls that are made by hand, or once in a while by the API; they raise `LagoUnreadable` likewise."""

    def get_public_key(self) -> bytes:
        """The PEM of the key that signs JWT webhooks."""

    def list_webhook_endpoints(self) -> list[WebhookEndpoint]: ...

    def create_webhook_endpoint(self, *, url: str, event_types: tuple[str, ...]) -> WebhookEndpoint: ...

    def update_webhook_endpoint(
        self, lago_id: str, *, url: str, event_types: tuple[str, ...]
    ) -> WebhookEndpoint: ...
