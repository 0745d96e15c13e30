"""The billing policy as a pure function: what Lago holds goes in, the wanted state comes out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class Status(StrEnum):
    """Lago's words for a subscription; a word that is not listed here is treated as standing, never as ended."""

    ACTIVE = "active"
    PENDING = "pending"
    INCOMPLETE = "incomplete"
    TERMINATED = "terminated"
    CANCELED = "canceled"


ENDED = frozenset({Status.TERMINATED, Status.CANCELED})
SUBSCRIPTION_INVOICES = frozenset({"subscription", "advance_charges", "progressive_billing"})
"""Invoices that bill a subscription; one-off, add-on and credit invoices never hold a site."""


class Wanted(StrEnum):
    RUN = "run"
    HOLD = "hold"
    END = "end"


class ReasonCode(StrEnum):
    UNPAID = "unpaid"
    NOT_ACTIVE = "not_active"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One of Lago's subscriptions; an upgrade makes a new one under the same `external_id`."""

    lago_id: str
    external_id: str
    status: str
    lago_customer_id: str
    external_customer_id: str
    plan_code: str
    name: str | None = None
    next_plan_code: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        return self.status == Status.ACTIVE

    @property
    def is_ended(self) -> bool:
        return self.status in ENDED

    @property
    def age_key(self) -> tuple[datetime, datetime, str]:
        """Orders generations from old to new; `subscription_at` cannot, every upgrade inherits it."""
        return (self.started_at or self.created_at or EARLIEST, self.created_at or EARLIEST, self.lago_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """One invoice with the subscriptions it names; amounts are of no interest here."""

    lago_id: str
    number: str
    invoice_type: str
    status: str
    payment_status: str
    payment_overdue: bool
    lago_customer_id: str
    external_customer_id: str
    issuing_date: date | None = None
    payment_due_date: date | None = None
    subscriptions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlements:
    """What a subscription may use; None in a field means without limit."""

    sites: int | None = None
    users: int | None = None
    apps: tuple[str, ...] | None = None
    storage_gb: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape of the contract with the control plane."""
        apps = None if self.apps is None else list(self.apps)
        return {"sites": self.sites, "users": self.users, "apps": apps, "storage_gb": self.storage_gb}


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Whom Lago bills, and where he is at home as far as Lago knows."""

    external_id: str
    name: str | None = None
    email: str | None = None
    country: str | None = None
    """ISO 3166 alpha-2."""
    currency: str | None = None
    """ISO 4217."""
    language: str | None = None
    """Of his documents: `de`, `pt-BR`."""
    time_zone: str | None = None
    """IANA's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    code: ReasonCode
    message: str
    invoices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the control plane should want, and the generation that it was read from."""

    wanted: Wanted
    subject: Generation
    reason: Reason | None = None

    @property
    def makes_a_site(self) -> bool:
        """Whether it says something about a subscription that was live; only then may an unknown id be sent."""
        return self.subject.is_active

    @property
    def reason_code(self) -> str | None:
        return self.reason.code.value if self.reason else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """Lago's picture contradicts itself; nothing may be sent, it has to be read again."""

    why: str


def decide(
    external_id: str,
    generations: Iterable[Generation],
    invoices: Iterable[Invoice],
    *,
    today: date,
    grace_days: int = 0,
) -> Decision | Undecided | None:
    """The wanted state of `external_id`; None when Lago knows nothing under that id.

    `generations` and `invoices` may hold others' too and come in any order or twice: only those that name this
    id and, for invoices, the customer of the deciding generation count.
    """
    mine = {g.lago_id: g for g in generations if g.external_id == external_id}
    standing = sorted((g for g in mine.values() if not g.is_ended), key=lambda g: g.age_key)
    active = [g for g in standing if g.is_active]
    if active:
        return _decide_active(active[-1], invoices, today=today, grace_days=grace_days)
    if standing:
        return _not_active(standing[-1])
    return _decide_ended(sorted(mine.values(), key=lambda g: g.age_key))


def _decide_active(
    subject: Generation, invoices: Iterable[Invoice], *, today: date, grace_days: int
) -> Decision:
    debts = {i.lago_id: i for i in invoices if is_debt_of(i, subject) and is_due(i, today, grace_days)}
    if not debts:
        return Decision(wanted=Wanted.RUN, subject=subject)
    unpaid = sorted(debts.values(), key=lambda i: (i.issuing_date or date.min, i.number, i.lago_id))
    reason = Reason(
        code=ReasonCode.UNPAID, message=_unpaid_message(unpaid), invoices=tuple(i.lago_id for i in unpaid)
    )
    return Decision(wanted=Wanted.HOLD, subject=subject, reason=reason)


def _not_active(subject: Generation) -> Decision:
    message = f"The subscription is {subject.status} and has not started, so the site must not run yet."
    return Decision(
        wanted=Wanted.HOLD, subject=subject, reason=Reason(code=ReasonCode.NOT_ACTIVE, message=message)
    )


def _decide_ended(ended: list[Generation]) -> Decision | Undecided | None:
    if not ended:
        return None
    terminated = [g for g in ended if g.status == Status.TERMINATED]
    if not terminated:
        message = "The subscription was cancelled before it started."
        reason = Reason(code=ReasonCode.TERMINATED, message=message)
        return Decision(wanted=Wanted.END, subject=ended[-1], reason=reason)
    last = max(terminated, key=lambda g: (g.ended_at or EARLIEST, g.age_key))
    if last.next_plan_code and not _has_successor(last, ended):
        return Undecided(
            why=f"Subscription {last.lago_id} ended in favour of plan {last.next_plan_code}, "
            "but Lago shows no successor yet."
        )
    message = "The subscription was terminated in Lago and nothing stands in its place."
    return Decision(
        wanted=Wanted.END, subject=last, reason=Reason(code=ReasonCode.TERMINATED, message=message)
    )


def _has_successor(last: Generation, ended: list[Generation]) -> bool:
    """Whether the plan change that `last` speaks of is in the picture; a cancelled one counts."""
    return any(
        g.lago_id != last.lago_id
        and g.plan_code == last.next_plan_code
        and (g.created_at or EARLIEST) >= (last.created_at or EARLIEST)
        for g in ended
    )


def is_debt_of(invoice: Invoice, subject: Generation) -> bool:
    """Whether a finalized subscription invoice of the same customer names the subject's external id unpaid."""
    return (
        invoice.status == "finalized"
        and invoice.invoice_type in SUBSCRIPTION_INVOICES
        and invoice.payment_status != "succeeded"
        and (invoice.payment_status == "failed" or invoice.payment_overdue)
        and subject.external_id in invoice.subscriptions
        and _is_same_customer(invoice, subject)
    )


def is_due(invoice: Invoice, today: date, grace_days: int) -> bool:
    """Whether the grace ran out: it counts from the due date once overdue, from the issue for a failed payment."""
    start = invoice.payment_due_date if invoice.payment_overdue else invoice.issuing_date
    start = start or invoice.payment_due_date or invoice.issuing_date
    return grace_days == 0 or start is None or today >= start + timedelta(days=grace_days)


def _is_same_customer(invoice: Invoice, subject: Generation) -> bool:
    if invoice.lago_customer_id and subject.lago_customer_id:
        return invoice.lago_customer_id == subject.lago_customer_id
    return invoice.external_customer_id == subject.external_customer_id


def _unpaid_message(unpaid: list[Invoice]) -> str:
    parts = [f"{i.number}{f' of {i.issuing_date:%Y-%m-%d}' if i.issuing_date else ''}" for i in unpaid[:3]]
    more = f" and {len(unpaid) - len(parts)} more" if len(unpaid) > len(parts) else ""
    noun, verb = ("Invoice", "is") if len(unpaid) == 1 else ("Invoices", "are")
    return f"{noun} {', '.join(parts)}{more} {verb} unpaid."
