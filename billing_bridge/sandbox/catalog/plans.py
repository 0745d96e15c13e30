"""Plans and their metadata."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing_bridge.sandbox.errors import NotFoundError, ValidationError
from billing_bridge.sandbox.model import Plan
from billing_bridge.sandbox.rules.lifecycle import YEARLY_FACTOR
from billing_bridge.sandbox.work import Work

FIELDS = (
    "code", "name", "invoice_display_name", "description", "interval", "amount_cents", "amount_currency",
    "trial_period", "pay_in_advance", "bill_charges_monthly", "bill_fixed_charges_monthly",
)  # fmt: skip
REQUIRED = ("code", "name", "interval", "amount_cents", "amount_currency")


def create_plan(work: Work, given: dict[str, Any]) -> Plan:
    """Store a plan. Raises ValidationError on missing fields and on a code that is taken."""
    missing = {field: ["value_is_mandatory"] for field in REQUIRED if given.get(field) in (None, "")}
    if missing:
        raise ValidationError(**missing)
    _check(given)
    if find_plan(work.session, given["code"]) is not None:
        raise ValidationError(code=["value_already_exist"])
    plan = Plan(created_at=work.now, **_fields(given))
    plan.extra = dict(given.get("metadata") or {})
    work.session.add(plan)
    work.emit("plan.created", plan)
    return plan


def update_plan(work: Work, plan: Plan, given: dict[str, Any]) -> None:
    """Change the given fields. Raises ValidationError on bad values."""
    _check(given)
    taken = find_plan(work.session, given.get("code") or plan.code)
    if taken is not None and taken is not plan:
        raise ValidationError(code=["value_already_exist"])
    for field, value in _fields(given).items():
        setattr(plan, field, value)
    if "metadata" in given:
        plan.extra = dict(given["metadata"] or {})
    work.emit("plan.updated", plan)


def find_plan(session: Session, code: str) -> Plan | None:
    """The plan of this code, also while its deletion is under way."""
    return session.scalar(select(Plan).where(Plan.code == code, Plan.deleted_at.is_(None)))


def get_plan(session: Session, code: str) -> Plan:
    """The plan of this code. Raises NotFoundError."""
    plan = find_plan(session, code)
    if plan is None:
        raise NotFoundError("plan")
    return plan


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    """What was given; null flags and trial periods mean none."""
    fields = {field: given[field] for field in FIELDS if field in given}
    if "pay_in_advance" in fields:
        fields["pay_in_advance"] = bool(fields["pay_in_advance"])
    if "trial_period" in fields:
        fields["trial_period"] = float(fields["trial_period"] or 0)
    return fields


def _check(given: dict[str, Any]) -> None:
    amount = given.get("amount_cents", 0)
    if isinstance(amount, bool) or not isinstance(amount, int) or amount < 0:
        raise ValidationError(amount_cents=["value_is_out_of_range"])
    if given.get("interval", "monthly") not in YEARLY_FACTOR:
        raise ValidationError(interval=["value_is_invalid"])
    currency = given.get("amount_currency", "EUR")
    if not isinstance(currency, str) or len(currency) != len("EUR") or not currency.isupper():
        raise ValidationError(amount_currency=["value_is_invalid"])
