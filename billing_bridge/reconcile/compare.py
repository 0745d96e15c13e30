"""Compares Lago's facts with the control plane's listing; pure, so that every case is a test."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from billing_bridge.handlers.ledger import Told
from billing_bridge.policy import (
    Decision,
    Entitlements,
    Generation,
    Invoice,
    Status,
    Undecided,
    Wanted,
    decide,
)
from billing_bridge.reconcile.mismatches import Difference, MismatchKind

View = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything that one reconcile read."""

    generations: Iterable[Generation]
    invoices: Iterable[Invoice]
    views: Mapping[str, View]


def list_differences(picture: Picture, *, today: date, grace_days: int) -> Iterator[Difference]:
    """Every subscription whose wanted state the two sides do not agree on."""
    for external_id, decision in list_decisions(picture, today=today, grace_days=grace_days):
        found = _compare(external_id, decision, picture.views.get(external_id))
        if found is not None:
            yield found


def list_decisions(
    picture: Picture, *, today: date, grace_days: int
) -> Iterator[tuple[str, Decision | Undecided | None]]:
    """What the policy says for every id that either side knows."""
    by_id: dict[str, list[Generation]] = defaultdict(list)
    for generation in picture.generations:
        by_id[generation.external_id].append(generation)
    debts: dict[str, list[Invoice]] = defaultdict(list)
    for invoice in picture.invoices:
        for named in invoice.subscriptions:
            debts[named].append(invoice)
    for external_id in sorted(by_id.keys() | picture.views.keys()):
        yield (
            external_id,
            decide(external_id, by_id[external_id], debts[external_id], today=today, grace_days=grace_days),
        )


def _compare(external_id: str, decision: Decision | Undecided | None, view: View | None) -> Difference | None:
    if isinstance(decision, Decision):
        return _compare_decision(external_id, decision, view)
    if view is None or view.get("wanted") == Wanted.END:
        return None
    if decision is None:
        return Difference(
            external_id=external_id,
            kind=MismatchKind.UNKNOWN_TO_LAGO,
            lago_says=None,
            press_had=_view_facts(view),
        )
    return Difference(
        external_id=external_id,
        kind=MismatchKind.UNDECIDED,
        lago_says={"why": decision.why},
        press_had=_view_facts(view),
    )


def _compare_decision(external_id: str, decision: Decision, view: View | None) -> Difference | None:
    says = {
        "wanted": decision.wanted.value,
        "plan_code": decision.subject.plan_code,
        "reason_code": decision.reason_code,
        "lago_id": decision.subject.lago_id,
    }
    if view is None:
        if not decision.makes_a_site:
            return None
        return Difference(external_id=external_id, kind=MismatchKind.MISSING, lago_says=says, press_had=None)
    had = _view_facts(view)
    keys = ("wanted",) if decision.wanted is Wanted.END else ("wanted", "plan_code", "reason_code")
    if all(says[key] == had[key] for key in keys):
        return None
    return Difference(external_id=external_id, kind=MismatchKind.DIFFERS, lago_says=says, press_had=had)


def _view_facts(view: View) -> dict[str, Any]:
    reason = view.get("reason")
    code = reason.get("code") if isinstance(reason, Mapping) else None
    return {
        "wanted": view.get("wanted"),
        "plan_code": view.get("plan_code"),
        "reason_code": code,
        "observed_at": view.get("observed_at"),
    }


def is_stale(
    generation: Generation, told: Told | None, plan: Entitlements | None, *, oldest: datetime
) -> bool:
    """Whether a running subscription that looks equal should be read in full again.

    True when it was last read before `oldest`, when it is another generation than the one that was told (the next
    one under this id may be another customer's, and the control plane's listing names no customer), or when its
    plan's entitlements are neither what the control plane was told nor what they were at the last full reading.
    """
    if generation.status != Status.ACTIVE:
        return False
    if told is None or told.observed_at is None or told.observed_at < oldest:
        return True
    if told.lago_id is not None and told.lago_id != generation.lago_id:
        return True
    if plan is None or told.entitlements == plan.as_json():
        return False
    return told.plan_print != plan_print(plan)


def plan_print(plan: Entitlements | None) -> str:
    """A short text that changes with a plan's entitlements."""
    return hashlib.sha256(json.dumps(plan.as_json() if plan else None).encode()).hexdigest()[:16]
