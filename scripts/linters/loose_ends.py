"""Loose ends name an issue; a silenced gate names what it silences."""

import re
from collections.abc import Iterator

from scripts.linters.source import Finding, Project, Source

RULE = "loose-end"
SUFFIXES = (".py", ".sh", ".ts", ".vue", ".js", ".html", ".css", ".yml", ".yaml", ".toml", ".j2")

# The words are put together here, so that a search of the tree for loose ends finds loose ends only.
_WORDS = "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"))
PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"\b(?:{_WORDS})\b(?!\(#\d+\))"), "names no issue: write the word with (#number) behind it"),
    (
        re.compile(r"\bNotImplemented" + r"Error\b"),
        "is a promise to nobody: use an abstract method or a Protocol",
    ),
    (re.compile(r"#\s*pragma:\s*no " + r"cover"), "hides untested code: test it or remove it"),
    (re.compile(r"#\s*type:\s*" + r"ignore(?!\[)"), "names no error code: write it in brackets"),
    (re.compile(r"#\s*no" + r"qa(?!:\s*[A-Z]+\d)", re.IGNORECASE), "names no rule: write it behind a colon"),
)


def check(project: Project) -> Iterator[Finding]:
    for source in project.sources:
        if source.path.endswith(SUFFIXES) and not source.is_generated:
            yield from check_source(source)


def check_source(source: Source) -> Iterator[Finding]:
    for number, line in enumerate(source.text.splitlines(), start=1):
        for pattern, advice in PATTERNS:
            found = pattern.search(line)
            if found:
                yield source.finding(RULE, number, f"'{found.group().strip()}' {advice}")
