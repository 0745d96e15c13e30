"""Runs our own rules over the tree: ``python -m scripts.linters.run``; exit 1 when one is broken."""

import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from scripts.linters import (
    environment,
    foreign_keys,
    layout,
    loose_ends,
    modules,
    patches,
    places,
    size,
    status_writes,
)
from scripts.linters.source import Finding, Project, read_sources

ROOT = Path(__file__).resolve().parents[2]
EXEMPTIONS = "scripts/linters/exemptions.toml"
RULES: tuple[Callable[[Project], Iterator[Finding]], ...] = (
    size.check,
    status_writes.check,
    environment.check,
    loose_ends.check,
    patches.check,
    layout.check,
    foreign_keys.check,
    places.check,
    modules.check,
)


def load_project(root: Path) -> Project:
    config = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return Project(sources=read_sources(root), config=config)


def load_exemptions(root: Path) -> set[tuple[str, str]]:
    """Pairs of rule and subject."""
    table: dict[str, dict[str, str]] = tomllib.loads((root / EXEMPTIONS).read_text(encoding="utf-8"))
    return {(rule, subject) for rule, subjects in table.items() for subject in subjects}


def run_rules(project: Project) -> list[Finding]:
    found = [finding for rule in RULES for finding in rule(project)]
    return sorted(found, key=lambda finding: (finding.path, finding.line, finding.rule))


def apply_exemptions(findings: Iterable[Finding], exempt: set[tuple[str, str]]) -> list[Finding]:
    """What is left, with one finding more for each exemption that exempts nothing."""
    findings = list(findings)
    used = {(finding.rule, finding.subject) for finding in findings} & exempt
    left = [finding for finding in findings if (finding.rule, finding.subject) not in used]
    for rule, subject in sorted(exempt - used):
        message = f"{rule} = '{subject}' exempts nothing any more: remove the line"
        left.append(Finding(EXEMPTIONS, 1, "stale-exemption", message, subject))
    return left


def main() -> int:
    findings = apply_exemptions(run_rules(load_project(ROOT)), load_exemptions(ROOT))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
