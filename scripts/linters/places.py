"""The tree runs anywhere: no package registry and no path of one machine stands in it."""

import re
from collections.abc import Iterator

from scripts.linters.source import Finding, Project, Source

RULE = "place"

# Names are put together here, so that the tree itself stays free of them.
_REGISTRIES = "|".join(
    re.escape(part + rest)
    for part, rest in (
        ("py", "pi.org"),
        ("pythonhosted", ".org"),
        ("npm", "js.org"),
        ("npm", "js.com"),
        ("yarnpkg", ".com"),
        ("deb.debian", ".org"),
        ("security.debian", ".org"),
        ("proxy.golang", ".org"),
        ("repo1.maven", ".org"),
        ("registry-1.docker", ".io"),
        ("ghcr", ".io"),
        ("unpkg", ".com"),
        ("jsdelivr", ".net"),
    )
)
PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(rf"\b(?:[\w-]+\.)*(?:{_REGISTRIES})\b"),
        "names a registry: leave it to the machine's configuration",
    ),
    (
        re.compile(r"(?:--(?:extra-)?index-url|--find-links|_INDEX_URL|DEFAULT_INDEX)[ =]+[\"']?https?:"),
        "fixes a package index: leave it to the machine's configuration",
    ),
    (re.compile(r"(?<![\w./-])/(?:work|farm|Users|home)/\w"), "is a path of one machine"),
)


def check(project: Project) -> Iterator[Finding]:
    for source in project.sources:
        yield from check_source(source)


def check_source(source: Source) -> Iterator[Finding]:
    for number, line in enumerate(source.text.splitlines(), start=1):
        for pattern, advice in PATTERNS:
            found = pattern.search(line)
            if found:
                yield source.finding(RULE, number, f"'{found.group()}' {advice}")
