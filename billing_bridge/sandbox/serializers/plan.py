"""Plans, features and entitlements as the API shows them."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing_bridge.sandbox.catalog.entitlements import granted
from billing_bridge.sandbox.model import Feature, Plan, Subscription
from billing_bridge.sandbox.timefmt import iso


def plan_object(session: Session, plan: Plan, *, entitlements: bool = True) -> dict[str, Any]:
    """The plan of plan answers and plan webhooks."""
    body = nested_plan(plan) | {
        "charges": [],
        "usage_thresholds": [],
        "taxes": [],
        "minimum_commitment": None,
    }
    if entitlements:
        body["entitlements"] = plan_entitlements(session, plan)
    return body


def nested_plan(plan: Plan) -> dict[str, Any]:
    """The short plan inside a subscription; the three counts are always zero, as Lago answers them now."""
    body: dict[str, Any] = {
        "lago_id": plan.id,
        "name": plan.name,
        "invoice_display_name": plan.invoice_display_name,
        "created_at": iso(plan.created_at),
        "code": plan.code,
        "interval": plan.interval,
        "description": plan.description,
        "amount_cents": plan.amount_cents,
        "amount_currency": plan.amount_currency,
        "trial_period": plan.trial_period,
        "pay_in_advance": plan.pay_in_advance,
        "bill_charges_monthly": plan.bill_charges_monthly,
        "bill_fixed_charges_monthly": plan.bill_fixed_charges_monthly,
        "customers_count": 0,
        "active_subscriptions_count": 0,
        "draft_invoices_count": 0,
        "parent_id": None,
        "pending_deletion": plan.pending_deletion,
    }
    if plan.extra:
        body["metadata"] = dict(plan.extra)
    return body


def feature_object(feature: Feature) -> dict[str, Any]:
    """A feature with its privileges."""
    return {
        "code": feature.code,
        "name": feature.name,
        "description": feature.description,
        "privileges": [dict(each) for each in feature.privileges],
        "created_at": iso(feature.created_at),
    }


def plan_entitlements(session: Session, plan: Plan) -> list[dict[str, Any]]:
    """What a plan grants, one entry per feature."""
    return [
        _head(feature)
        | {"privileges": [dict(each) | {"value": values[each["code"]]} for each in _valued(feature, values)]}
        for feature, values in _granted(session, plan.entitlements)
    ]


def subscription_entitlements(session: Session, subscription: Subscription) -> list[dict[str, Any]]:
    """What a subscription is granted, with the plan's value and its own beside each other."""
    plan_values, own = subscription.plan.entitlements, subscription.overrides
    return [
        _head(feature)
        | {
            "privileges": [
                dict(each)
                | {
                    "value": values[each["code"]],
                    "plan_value": plan_values.get(feature.code, {}).get(each["code"]),
                    "override_value": own.get(feature.code, {}).get(each["code"]),
                }
                for each in _valued(feature, values)
            ],
            "overrides": dict(own.get(feature.code, {})),
        }
        for feature, values in _granted(session, granted(subscription))
    ]


def _head(feature: Feature) -> dict[str, Any]:
    return {"code": feature.code, "name": feature.name, "description": feature.description}


def _granted(session: Session, values: Mapping[str, Any]) -> Iterator[tuple[Feature, dict[str, Any]]]:
    living = session.scalars(select(Feature).where(Feature.deleted_at.is_(None), Feature.code.in_(values)))
    for feature in sorted(living, key=lambda each: each.code):
        yield feature, values[feature.code]


def _valued(feature: Feature, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [each for each in feature.privileges if each["code"] in values]
