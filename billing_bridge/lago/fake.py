"""Lago in memory: holds facts, can be switched off, remembers what was asked."""

from dataclasses import dataclass, field

from billing_bridge.errors import LagoUnreadable
from billing_bridge.lago.port import WebhookEndpoint
from billing_bridge.policy import Customer, Entitlements, Generation, Invoice


@dataclass
class FakeLago:
    """Answers the ports `Lago` and `LagoAdmin` from plain dictionaries keyed by Lago's ids."""

    subscriptions: dict[str, Generation] = field(default_factory=dict)
    invoices: dict[str, Invoice] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    entitlements: dict[str, Entitlements] = field(default_factory=dict)
    plans: dict[str, Entitlements | None] = field(default_factory=dict)
    endpoints: dict[str, WebhookEndpoint] = field(default_factory=dict)
    public_key: bytes = b""
    is_down: bool = False
    asked: list[str] = field(default_factory=list)

    def list_subscriptions(
        self,
        *,
        external_id: str | None = None,
        plan_code: str | None = None,
        external_customer_id: str | None = None,
    ) -> list[Generation]:
        self._ask("subscriptions")
        wanted = {
            "external_id": external_id,
            "plan_code": plan_code,
            "external_customer_id": external_customer_id,
        }
        found = list(self.subscriptions.values())
        return [g for g in found if all(value in {None, getattr(g, key)} for key, value in wanted.items())]

    def list_unpaid_invoices(self, *, external_customer_id: str | None = None) -> list[Invoice]:
        self._ask("invoices")
        return [
            i
            for i in self.invoices.values()
            if i.status == "finalized"
            and (i.payment_status == "failed" or i.payment_overdue)
            and external_customer_id in {None, i.external_customer_id}
        ]

    def find_invoice(self, lago_id: str) -> Invoice | None:
        self._ask("invoice")
        return self.invoices.get(lago_id)

    def find_customer(self, external_id: str) -> Customer | None:
        self._ask("customer")
        return self.customers.get(external_id)

    def find_entitlements(self, external_id: str, plan_code: str) -> Entitlements | None:
        self._ask("entitlements")
        return self.entitlements.get(external_id) or self.plans.get(plan_code)

    def list_plan_entitlements(self) -> dict[str, Entitlements | None]:
        self._ask("plans")
        return dict(self.plans)

    def check(self, *, timeout: float) -> None:
        self._ask(f"check within {timeout}")

    def get_public_key(self) -> bytes:
        self._ask("public key")
        return self.public_key

    def list_webhook_endpoints(self) -> list[WebhookEndpoint]:
        self._ask("endpoints")
        return list(self.endpoints.values())

    def create_webhook_endpoint(self, *, url: str, event_types: tuple[str, ...]) -> WebhookEndpoint:
        return self.update_webhook_endpoint(
            f"endpoint-{len(self.endpoints) + 1}", url=url, event_types=event_types
        )

    def update_webhook_endpoint(
        self, lago_id: str, *, url: str, event_types: tuple[str, ...]
    ) -> WebhookEndpoint:
        self._ask("write endpoint")
        made = WebhookEndpoint(lago_id=lago_id, url=url, signature_algo="hmac", event_types=event_types)
        self.endpoints[lago_id] = made
        return made

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.is_down:
            raise LagoUnreadable("Lago is switched off; nothing was changed.")
