"""The few calls of Lago's REST API that a customer's life needs; the sandbox and Lago itself take them alike."""

from collections.abc import Mapping
from typing import Any

import requests

from press_app.cli.failures import UNREACHABLE, CommandFailed

TIMEOUT = (5.0, 30.0)
NET_PAYMENT_DAYS = 30
PLAN_PRICES = {"starter": 2900, "business": 9900}


class Lago:
    """One Lago organisation. Every failure is a :class:`CommandFailed`."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {key}"

    def ensure_plan(self, code: str) -> None:
        """The plan, paid in advance so that a start makes an invoice at once."""
        if self._call("GET", f"/plans/{code}", missing_is_fine=True) is None:
            plan = {
                "name": code.capitalize(),
                "code": code,
                "interval": "monthly",
                "amount_cents": PLAN_PRICES.get(code, 2900),
                "amount_currency": "EUR",
                "pay_in_advance": True,
            }
            self._call("POST", "/plans", {"plan": plan})

    def publish_plan(self, plan: Mapping[str, Any]) -> bool:
        """The plan with its price and entitlements; False when Lago has it already, which is left as it is."""
        if self._call("GET", f"/plans/{plan['code']}", missing_is_fine=True) is not None:
            return False
        body = {
            "name": plan["name"],
            "code": plan["code"],
            "interval": plan["interval"],
            "amount_cents": plan["price_cents"],
            "amount_currency": plan["currency"],
            "pay_in_advance": True,
        }
        self._call("POST", "/plans", {"plan": body})
        granted = {
            "sites": {"max": plan["max_sites"]},
            "users": {"max": plan["max_users"]},
            "storage": {"gb": plan["storage_gb"]},
            "apps": {"list": ",".join(plan["apps"])},
        }
        limited = {code: value for code, value in granted.items() if None not in value.values()}
        for code, value in limited.items():
            self._ensure_feature(code, value)
        self._call("POST", f"/plans/{plan['code']}/entitlements", {"entitlements": limited})
        return True

    def _ensure_feature(self, code: str, value: Mapping[str, Any]) -> None:
        if self._call("GET", f"/features/{code}", missing_is_fine=True) is None:
            kinds = [
                {"code": name, "value_type": "integer" if isinstance(limit, int) else "string"}
                for name, limit in value.items()
            ]
            feature = {"code": code, "name": code.capitalize(), "privileges": kinds}
            self._call("POST", "/features", {"feature": feature})

    def add_customer(self, external_id: str, *, name: str, email: str) -> None:
        customer = {
            "external_id": external_id,
            "name": name,
            "email": email,
            "currency": "EUR",
            # Without a term an invoice of today is overdue at midnight.
            "net_payment_term": NET_PAYMENT_DAYS,
        }
        self._call("POST", "/customers", {"customer": customer})

    def subscribe(self, customer: str, external_id: str, *, plan: str, name: str) -> dict[str, Any]:
        """Start a subscription, or start it again after its end."""
        body = {
            "external_customer_id": customer,
            "external_id": external_id,
            "plan_code": plan,
            "name": name,
            "billing_time": "anniversary",
        }
        subscription: dict[str, Any] = self._call("POST", "/subscriptions", {"subscription": body})[
            "subscription"
        ]
        return subscription

    def terminate(self, external_id: str) -> None:
        self._call("DELETE", f"/subscriptions/{external_id}")

    def read_subscription(self, external_id: str, status: str) -> dict[str, Any]:
        """Its newest generation in this state."""
        found: dict[str, Any] = self._call("GET", f"/subscriptions/{external_id}?status={status}")[
            "subscription"
        ]
        return found

    def find_invoice(self, customer: str) -> str | None:
        """Id of the newest finalized invoice of the customer."""
        return next(iter(self.list_invoices(customer)), None)

    def list_invoices(self, customer: str) -> list[str]:
        """Ids of the customer's finalized invoices, newest first."""
        query = f"?external_customer_id={customer}&status=finalized"
        return [str(invoice["lago_id"]) for invoice in self._call("GET", f"/invoices{query}")["invoices"]]

    def set_payment(self, invoice_id: str, status: str) -> None:
        """What came of the payment: ``failed`` or ``succeeded``."""
        self._call("PUT", f"/invoices/{invoice_id}", {"invoice": {"payment_status": status}})

    def _call(self, method: str, path: str, body: Any = None, *, missing_is_fine: bool = False) -> Any:
        try:
            answer = self._session.request(method, f"{self.url}/api/v1{path}", json=body, timeout=TIMEOUT)
        except requests.RequestException as error:
            message = f"Lago at {self.url} cannot be reached ({type(error).__name__}); see whether it runs."
            raise CommandFailed(message, code="lago_unreachable", status=UNREACHABLE) from error
        if answer.status_code == requests.codes.not_found and missing_is_fine:
            return None
        if not answer.ok:
            message = f"Lago refused {method} {path.partition('?')[0]} with {answer.status_code}: {answer.text[:300]}"
            raise CommandFailed(message, code="lago_refused")
        return answer.json()
