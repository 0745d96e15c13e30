"""Lago's JSON into the facts of the policy; what is missing or odd is tolerated, what is essential is not."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import structlog

from billing_bridge.errors import LagoUnreadable
from billing_bridge.policy import Customer, Entitlements, Generation, Invoice

log = structlog.get_logger(__name__)
Json = Mapping[str, Any]
UNLIMITED = {"", "unlimited", "-1", "none", "null"}


def generation(item: Json) -> Generation:
    """One subscription of Lago's; raises `LagoUnreadable` when an identifying field is missing."""
    return Generation(
        lago_id=_need(item, "lago_id"),
        external_id=_need(item, "external_id"),
        status=_need(item, "status"),
        lago_customer_id=_text(item.get("lago_customer_id")) or "",
        external_customer_id=_text(item.get("external_customer_id")) or "",
        plan_code=_need(item, "plan_code"),
        name=_text(item.get("name")),
        next_plan_code=_text(item.get("next_plan_code")),
        created_at=_moment(item.get("created_at")),
        started_at=_moment(item.get("started_at")),
        ended_at=_moment(item.get("terminated_at")) or _moment(item.get("canceled_at")),
    )


def invoice(item: Json) -> Invoice:
    """One invoice in full, as `GET /invoices/{id}` gives it."""
    customer = item.get("customer") or {}
    return Invoice(
        lago_id=_need(item, "lago_id"),
        number=_text(item.get("number")) or _need(item, "lago_id"),
        invoice_type=_need(item, "invoice_type"),
        status=_need(item, "status"),
        payment_status=_need(item, "payment_status"),
        payment_overdue=item.get("payment_overdue") is True,
        lago_customer_id=_text(customer.get("lago_id")) or _of_fees(item, "lago_customer_id"),
        external_customer_id=_text(customer.get("external_id")) or _of_fees(item, "external_customer_id"),
        issuing_date=_day(item.get("issuing_date")),
        payment_due_date=_day(item.get("payment_due_date")),
        subscriptions=frozenset(subscriptions_named(item)),
    )


def subscriptions_named(item: Json) -> list[str]:
    """The external ids that an invoice names in any of its parts, each once, in order of appearance."""
    named = [_text(fee.get("external_subscription_id")) for fee in _items(item, "fees")]
    named += [_text(period.get("external_subscription_id")) for period in _items(item, "billing_periods")]
    named += [_text(subscription.get("external_id")) for subscription in _items(item, "subscriptions")]
    return list(dict.fromkeys(name for name in named if name))


def customer(item: Json) -> Customer:
    billing = item.get("billing_configuration")
    return Customer(
        external_id=_need(item, "external_id"),
        name=_text(item.get("name")),
        email=_text(item.get("email")),
        country=_text(item.get("country")),
        currency=_text(item.get("currency")),
        language=_text(billing.get("document_locale")) if isinstance(billing, Mapping) else None,
        # Not `applicable_timezone`: where he says nothing, the control plane's own home counts, not Lago's.
        time_zone=_text(item.get("timezone")),
    )


def entitlements(features: Iterable[Any]) -> Entitlements | None:
    """Lago's features as limits; None when none of the known features is among them or a limit is no number.

    None makes the control plane use its own plan: a typing error must neither lift a limit nor stop the money.
    """
    by_code = {f["code"]: f for f in features if isinstance(f, Mapping) and isinstance(f.get("code"), str)}
    by_code = {code: f.get("entitlement", f) for code, f in by_code.items()}
    if not by_code.keys() & {"sites", "users", "apps", "storage", "storage_gb"}:
        return None
    storage = by_code.get("storage") or by_code.get("storage_gb")
    try:
        return Entitlements(
            sites=_limit(by_code.get("sites"), ("max", "limit", "count")),
            users=_limit(by_code.get("users"), ("max", "limit", "count")),
            apps=_names(by_code.get("apps")),
            storage_gb=_limit(storage, ("gb", "max", "limit")),
        )
    except (ValueError, OverflowError) as error:
        log.warning("entitlements_unreadable", error=str(error), features=sorted(by_code))
        return None


def _limit(feature: Json | None, codes: tuple[str, ...]) -> int | None:
    value = _privilege(feature, codes)
    if value is None or isinstance(value, bool) or str(value).strip().lower() in UNLIMITED:
        return None
    return max(int(float(str(value))), 0)


def _names(feature: Json | None) -> tuple[str, ...] | None:
    value = _privilege(feature, ("list", "names", "apps"))
    if value is None or (isinstance(value, str) and value.strip().lower() in {"unlimited", "all", "*"}):
        return None
    parts = value if isinstance(value, list) else str(value).split(",")
    return tuple(dict.fromkeys(str(part).strip() for part in parts if str(part).strip()))


def _privilege(feature: Json | None, codes: tuple[str, ...]) -> Any:
    """The first named privilege's value, or the only one's whatever it is called."""
    privileges = [p for p in _items(feature or {}, "privileges") if "code" in p]
    by_code = {p["code"]: p.get("value") for p in privileges}
    for code in codes:
        if code in by_code:
            return by_code[code]
    return privileges[0].get("value") if len(privileges) == 1 else None


def _items(item: Json, key: str) -> list[Json]:
    value = item.get(key)
    return [part for part in value if isinstance(part, Mapping)] if isinstance(value, list) else []


def _of_fees(item: Json, key: str) -> str:
    return next((str(fee[key]) for fee in _items(item, "fees") if fee.get(key)), "")


def _need(item: Json, key: str) -> str:
    value = item.get(key)
    if not isinstance(value, str) or not value:
        raise LagoUnreadable(
            f"Lago's answer lacks {key}; nothing was changed. Check the version of Lago.", field=key
        )
    return value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str) or not value:
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None
