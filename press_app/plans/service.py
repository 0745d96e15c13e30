"""What can be done with plans."""

from typing import Any

from sqlalchemy.exc import IntegrityError

from press_app.kit.db import ReadSession, Session
from press_app.kit.ids import new_id
from press_app.plans import repository
from press_app.plans.errors import PlanNotFound, PlanUnknown
from press_app.plans.model import Interval, Plan
from press_app.plans.rules import check_apps
from press_app.work.unit_of_work import UnitOfWork

SEEDS: tuple[dict[str, Any], ...] = (
    {
        "code": "starter",
        "name": "Starter",
        "price_cents": 2900,
        "max_sites": 1,
        "max_users": 5,
        "storage_gb": 5,
        "apps": ["base"],
    },
    {
        "code": "business",
        "name": "Business",
        "price_cents": 9900,
        "max_sites": 3,
        "max_users": 25,
        "storage_gb": 25,
        "apps": ["base", "crm", "hr"],
    },
    {
        "code": "enterprise",
        "name": "Enterprise",
        "price_cents": None,
        "max_sites": None,
        "max_users": None,
        "storage_gb": None,
        "apps": ["base", "crm", "hr"],
    },
)
"""The three plans of the product."""


def seed(uow: UnitOfWork) -> list[Plan]:
    """Add the product's plans where they are missing; what an operator changed stays. Returns the new ones."""
    added = []
    for position, values in enumerate(SEEDS, start=1):
        if repository.find_plan(uow.session, values["code"]) is not None:
            continue
        plan = Plan(
            id=new_id(),
            currency="EUR",
            interval=Interval.MONTHLY,
            grace_days=0,
            retention_days=0,
            public=True,
            position=position,
            created_at=uow.now(),
            **values,
        )
        try:
            with uow.session.begin_nested():
                uow.session.add(plan)
        except IntegrityError:
            continue  # another seeder was faster
        added.append(plan)
    return added


def get_plan(session: Session | ReadSession, code: str) -> Plan:
    """For requests that name a plan. Raises :class:`PlanUnknown` (422)."""
    plan = repository.find_plan(session, code)
    if plan is None:
        message = f"There is no plan '{code}'. Nothing was changed. Add the plan here first, under its code in Lago."
        raise PlanUnknown(message, plan=code)
    return plan


def read_plan(session: Session | ReadSession, code: str) -> Plan:
    """For addresses that name a plan. Raises :class:`PlanNotFound` (404)."""
    plan = repository.find_plan(session, code)
    if plan is None:
        message = f"There is no plan '{code}'."
        raise PlanNotFound(message, plan=code)
    return plan


def list_plans(session: Session | ReadSession, *, only_public: bool = True) -> list[Plan]:
    """In the order in which they are shown."""
    return repository.list_plans(session, only_public=only_public)


def change_plan(uow: UnitOfWork, code: str, changes: dict[str, Any]) -> Plan:
    """Set the given columns. Raises :class:`PlanNotFound`, ``AppUnknown``.

    Sites follow when the reconciler next compares them with their plan; nothing is deleted to make them fit.
    """
    plan = read_plan(uow.session, code)
    if "apps" in changes:
        changes = {**changes, "apps": list(check_apps(changes["apps"]))}
    before = {key: getattr(plan, key) for key in changes}
    for key, value in changes.items():
        setattr(plan, key, value)
    uow.record(
        "plan.changed", f"plan:{plan.code}", f"Plan {plan.name} was changed.", before=before, after=changes
    )
    return plan
