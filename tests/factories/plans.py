"""Builders of plans."""

from typing import Any

from press_app.kit.ids import new_id
from press_app.plans.model import Interval, Plan
from press_app.work.unit_of_work import UnitOfWork


def make_plan(uow: UnitOfWork, **overrides: Any) -> Plan:
    """A monthly plan for one small site."""
    values: dict[str, Any] = {
        "id": new_id(),
        "code": "small",
        "name": "Small",
        "price_cents": 1000,
        "currency": "EUR",
        "interval": Interval.MONTHLY,
        "max_sites": 1,
        "max_users": 5,
        "storage_gb": 5,
        "apps": ["base"],
        "grace_days": 0,
        "retention_days": 0,
        "public": True,
        "position": 9,
        "created_at": uow.now(),
        **overrides,
    }
    plan = Plan(**values)
    uow.session.add(plan)
    uow.session.flush()
    return plan
