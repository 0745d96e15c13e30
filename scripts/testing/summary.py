"""What a test run leaves: how many ran, what was skipped and why, and which group has a hole."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.testing.groups import GROUPS

TOLERATED = 0.05
"""Share of a required group that may be skipped: single cases that make no sense on one of two databases."""


@dataclass(frozen=True)
class Outcome:
    """One test's end."""

    test: str
    outcome: str
    groups: tuple[str, ...]
    reason: str


def read_outcomes(path: Path) -> list[Outcome]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    parsed = (json.loads(line) for line in lines)
    return [Outcome(row["test"], row["outcome"], tuple(row["groups"]), row["reason"]) for row in parsed]


def last_of_each(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """How each test ended the last time that it ran."""
    return list({outcome.test: outcome for outcome in outcomes}.values())


def list_unsteady(outcomes: Sequence[Outcome]) -> list[str]:
    """Tests that failed and then passed when they ran once more: named, so that somebody looks at them."""
    failed = {outcome.test for outcome in outcomes if outcome.outcome == "failed"}
    return sorted(
        outcome.test
        for outcome in last_of_each(outcomes)
        if outcome.test in failed and outcome.outcome == "passed"
    )


def summarise(outcomes: Sequence[Outcome]) -> list[str]:
    """The lines to print."""
    counts = Counter(outcome.outcome for outcome in outcomes)
    lines = [f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped"]
    reasons = Counter(outcome.reason for outcome in outcomes if outcome.outcome == "skipped")
    lines += [f"  skipped {count:4d}: {reason}" for reason, count in reasons.most_common()]
    for group in GROUPS:
        members = [outcome for outcome in outcomes if group in outcome.groups]
        ran = sum(outcome.outcome != "skipped" for outcome in members)
        lines += [f"  group {group:9}: {ran} of {len(members)} ran"] if members else []
    return lines


def list_holes(outcomes: Sequence[Outcome], required: Iterable[str]) -> list[str]:
    """Required groups that did not run, or of which more than a few were skipped, each with a word why."""
    holes = []
    for group in required:
        members = [outcome for outcome in outcomes if group in outcome.groups]
        skipped = [outcome for outcome in members if outcome.outcome == "skipped"]
        if not members:
            holes.append(f"{group}: no test of this group was found")
        elif len(skipped) > len(members) * TOLERATED:
            holes.append(f"{group}: {len(skipped)} of {len(members)} skipped ({skipped[0].reason})")
    return holes
