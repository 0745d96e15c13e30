"""Deleting plans and customers: told or discarded at once, their subscriptions ended a moment later."""

from sqlalchemy import select

from billing_bridge.sandbox.errors import ValidationError
from billing_bridge.sandbox.model import Customer, Plan, Subscription
from billing_bridge.sandbox.rules.lifecycle import Status
from billing_bridge.sandbox.subscriptions.ending import cancel_silently, terminate
from billing_bridge.sandbox.work import Work


def request_plan_deletion(work: Work, plan: Plan) -> None:
    """plan.deleted leaves first; the plan stays listed until the job has run."""
    plan.pending_deletion = True
    work.emit("plan.deleted", plan)


def request_customer_deletion(work: Work, customer: Customer) -> None:
    """The customer is gone at once, without any event; the subscriptions follow."""
    customer.deleted_at = work.now


def run_deletions(work: Work) -> None:
    """Do what the two requests left behind."""
    plans = select(Plan).where(Plan.pending_deletion.is_(True), Plan.deleted_at.is_(None))
    for plan in list(work.session.scalars(plans)):
        _end_all(
            work, list(work.session.scalars(select(Subscription).where(Subscription.plan_id == plan.id)))
        )
        plan.deleted_at = work.now
        plan.entitlements = {}
    alive = (
        select(Subscription)
        .join(Customer)
        .where(Customer.deleted_at.is_not(None), Subscription.state.in_((Status.ACTIVE, Status.PENDING)))
    )
    _end_all(work, list(work.session.scalars(alive)))


def _end_all(work: Work, subscriptions: list[Subscription]) -> None:
    """End the active, cancel the pending in silence; incomplete ones, and those a gated upgrade follows, live on."""
    for subscription in subscriptions:
        if subscription.state == Status.PENDING:
            cancel_silently(work, subscription)
        elif subscription.state == Status.ACTIVE:
            try:
                terminate(work, subscription)
            except ValidationError:
                continue
