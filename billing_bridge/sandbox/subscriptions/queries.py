"""Finding subscriptions the way Lago does, traps included."""

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, contains_eager, selectinload

from billing_bridge.sandbox.errors import NotFoundError
from billing_bridge.sandbox.model import Customer, Plan, Subscription
from billing_bridge.sandbox.rules.lifecycle import Status


def select_list(
    *,
    statuses: Sequence[str],
    external_customer_id: str | None = None,
    plan_code: str | None = None,
    external_id: str | None = None,
    currency: str | None = None,
) -> Select[Subscription]:
    """The list's query. No status means active; one unknown status switches that filter off altogether."""
    query = select(Subscription).join(Subscription.customer).join(Subscription.plan)
    if all(status in set(Status) for status in statuses):
        query = query.where(Subscription.state.in_(statuses or [Status.ACTIVE]))
    if external_customer_id:
        query = query.where(Customer.external_id == external_customer_id, Customer.deleted_at.is_(None))
    if plan_code:
        query = query.where(Plan.code == plan_code)
    if external_id:
        query = query.where(Subscription.external_id == external_id)
    if currency:
        query = query.where(Plan.amount_currency == currency)
    query = query.options(
        contains_eager(Subscription.customer),
        contains_eager(Subscription.plan),
        selectinload(Subscription.followers).joinedload(Subscription.plan),
        selectinload(Subscription.previous),
    )
    return query.order_by(
        Subscription.subscription_at.desc(), Subscription.created_at.desc(), Subscription.id
    )


def get_subscription(session: Session, external_id: str, status: str | None) -> Subscription:
    """The newest generation in ``status`` (default active). Raises NotFoundError."""
    wanted = status or Status.ACTIVE
    found = [each for each in _generations(session, external_id) if each.state == wanted]
    if not found:
        raise NotFoundError("subscription")
    return found[0]


def get_for_update(session: Session, external_id: str, status: str | None) -> Subscription:
    """As ``get_subscription``, but a lone generation is taken whatever its status."""
    generations = _generations(session, external_id)
    return generations[0] if len(generations) == 1 else get_subscription(session, external_id, status)


def _generations(session: Session, external_id: str) -> list[Subscription]:
    """Newest end first with the unended before them, then newest start."""
    rows = list(session.scalars(select(Subscription).where(Subscription.external_id == external_id)))
    rows.sort(key=lambda each: each.started_at.timestamp() if each.started_at else 0.0, reverse=True)
    rows.sort(
        key=lambda each: each.terminated_at.timestamp() if each.terminated_at else float("inf"), reverse=True
    )
    return rows
