"""Reads what Lago holds about one subscription and tells the control plane what to want."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog

from billing_bridge.db import SUBJECT_LENGTH
from billing_bridge.errors import LagoNotYet, PressKeptItsState, SubjectUnusable
from billing_bridge.handlers.ledger import Ledger, Told
from billing_bridge.inbox.leases import Leases
from billing_bridge.lago.port import Lago
from billing_bridge.policy import Customer, Decision, Entitlements, Generation, Status, Undecided, decide

log = structlog.get_logger(__name__)
LONGEST_NAME = 190
LONGEST_EMAIL = 254
LONGEST_HOME_WORD = 64
HOME = ("country", "currency", "language", "time_zone")
LONGEST_MESSAGE = 500
MOST_INVOICES = 100


class Press(Protocol):
    """The part of the control plane that a sync needs."""

    def put_subscription(
        self, external_id: str, body: Mapping[str, Any], *, correlation_id: str
    ) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A generation that an event spoke of, and the statuses that are older than the event."""

    lago_id: str
    too_early: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What a sync came to; `sent` False means that there was nothing to tell."""

    external_id: str
    sent: bool
    wanted: str | None = None
    reason: str | None = None
    applied: bool | None = None

    @property
    def text(self) -> str:
        if not self.sent:
            return f"{self.external_id}: nothing to tell ({self.reason})"
        return f"{self.external_id}: {self.wanted}{f' ({self.reason})' if self.reason else ''}"


class Synchronizer:
    """Serialises per subscription: the later reading is always the later word."""

    def __init__(
        self,
        *,
        lago: Lago,
        press: Press,
        ledger: Ledger,
        leases: Leases,
        clock: Callable[[], datetime],
        grace_days: int,
    ) -> None:
        self._lago = lago
        self._press = press
        self._ledger = ledger
        self._leases = leases
        self._clock = clock
        self._grace_days = grace_days

    def sync(
        self, external_id: str, *, purpose: str, correlation_id: str, expected: Expected | None = None
    ) -> Synced:
        """Read Lago and put the wanted state of `external_id`.

        Raises `SubjectUnusable` for an id that no column holds, `SubjectBusy` while another sync of it runs,
        `LagoUnreadable` or `LagoNotYet` when Lago cannot be believed (then nothing is sent), `PressUnreachable`
        or `PressRefused` when the control plane did not take it, `PressKeptItsState` when it believes something later.
        """
        _check_subject(external_id)
        with self._leases.hold(external_id, purpose=purpose):
            observed_at = self._clock()
            decision = self._read(external_id, observed_at, expected)
            if decision is None:
                return Synced(external_id=external_id, sent=False, reason="Lago knows no such subscription")
            if not self._is_worth_telling(decision):
                return Synced(external_id=external_id, sent=False, reason="it never was active")
            return self._tell(external_id, decision, observed_at, correlation_id)

    def _read(self, external_id: str, observed_at: datetime, expected: Expected | None) -> Decision | None:
        generations = self._lago.list_subscriptions(external_id=external_id)
        if expected is not None:
            _check_expected(generations, expected)
        active = [g for g in generations if g.is_active]
        customers = {g.external_customer_id for g in active}
        invoices = [i for c in customers for i in self._lago.list_unpaid_invoices(external_customer_id=c)]
        decided = decide(
            external_id,
            generations,
            invoices,
            today=observed_at.astimezone(UTC).date(),
            grace_days=self._grace_days,
        )
        if isinstance(decided, Undecided):
            raise LagoNotYet(f"{decided.why} Nothing was sent; it is read again.")
        return decided

    def _is_worth_telling(self, decision: Decision) -> bool:
        """An id that was never live makes no site; it is only told when the control plane knows it already."""
        if decision.makes_a_site or decision.subject.status == Status.TERMINATED:
            return True
        return self._ledger.find(decision.subject.external_id) is not None

    def _tell(
        self, external_id: str, decision: Decision, observed_at: datetime, correlation_id: str
    ) -> Synced:
        subject = decision.subject
        entitlements = (
            self._lago.find_entitlements(external_id, subject.plan_code) if subject.is_active else None
        )
        body = self._body(decision, entitlements, observed_at)
        self._ledger.mark_known([external_id])
        answer = self._press.put_subscription(external_id, body, correlation_id=correlation_id)
        applied = answer.get("applied") is True
        if applied or answer.get("wanted") == decision.wanted:
            self._ledger.record(
                Told(
                    external_id=external_id,
                    wanted=decision.wanted,
                    plan_code=subject.plan_code,
                    reason_code=decision.reason_code,
                    entitlements=body["entitlements"],
                    observed_at=observed_at,
                    lago_id=subject.lago_id,
                )
            )
        log.info("subscription_told", external_id=external_id, wanted=decision.wanted, applied=applied)
        if not applied and answer.get("wanted") != decision.wanted:
            raise PressKeptItsState(
                f"The control plane holds a later reading of {external_id} that wants {answer.get('wanted')!r}, and Lago wants "
                f"{decision.wanted!r}. Nothing was changed; it is read and told again. If this lasts, compare the clocks "
                "of the two machines."
            )
        return Synced(
            external_id=external_id,
            sent=True,
            wanted=decision.wanted,
            reason=decision.reason_code,
            applied=applied,
        )

    def _body(
        self, decision: Decision, entitlements: Entitlements | None, observed_at: datetime
    ) -> dict[str, Any]:
        subject, reason = decision.subject, decision.reason
        customer = self._lago.find_customer(subject.external_customer_id)
        email = customer.email if customer else None
        moment = observed_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return {
            "customer": {
                "external_id": subject.external_customer_id,
                "name": ((customer and customer.name) or subject.external_customer_id)[:LONGEST_NAME],
                "email": email if email and len(email) <= LONGEST_EMAIL else None,
                **{word: _home_word(customer, word) for word in HOME},
            },
            "plan_code": subject.plan_code,
            "wanted": decision.wanted.value,
            "reason": reason
            and {
                "code": reason.code.value,
                "message": reason.message[:LONGEST_MESSAGE],
                "invoices": list(reason.invoices[:MOST_INVOICES]),
            },
            "name": subject.name[:LONGEST_NAME] if subject.name else None,
            "entitlements": entitlements.as_json() if entitlements else None,
            "lago_id": subject.lago_id,
            "observed_at": moment,
        }


def _home_word(customer: Customer | None, word: str) -> str | None:
    """What Lago says of where the customer is at home; what is too long is nothing that anybody knows."""
    text: str | None = getattr(customer, word, None)
    return text if text and len(text) <= LONGEST_HOME_WORD else None


def _check_subject(external_id: str) -> None:
    """A column would cut a longer id, and its lease could never be given back."""
    if len(external_id) > SUBJECT_LENGTH:
        raise SubjectUnusable(
            f"The external id {external_id[:60]}… is longer than {SUBJECT_LENGTH} characters; nothing was sent. "
            "Give the subscription a shorter one in Lago."
        )


def _check_expected(generations: list[Generation], expected: Expected) -> None:
    found = next((g for g in generations if g.lago_id == expected.lago_id), None)
    if found is None:
        raise LagoNotYet(
            f"Lago does not show subscription {expected.lago_id} that its event speaks of; it is read again."
        )
    if found.status in expected.too_early:
        raise LagoNotYet(f"Lago still shows {expected.lago_id} as {found.status}; it is read again.")
