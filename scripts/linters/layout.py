"""A slice is a folder with a closed vocabulary of files; a module name says what is inside."""

from collections.abc import Iterator

from scripts.linters.contracts import slice_names
from scripts.linters.source import Finding, Project, Source

RULE = "layout"
VOCABULARY = frozenset(
    {"errors", "lifecycle", "commands", "events", "rules", "model", "repository", "service"}
    | {"schemas", "endpoints", "tasks"}
)
SLICE_FILES = frozenset({f"{word}.py" for word in VOCABULARY} | {"__init__.py", "README.md"})
PACKAGES = frozenset({"service", "endpoints"})
EMPTY_NAMES = frozenset({"utils.py", "util.py", "helpers.py", "helper.py", "common.py", "misc.py"})
SLICE_DEPTH = 3


def check(project: Project) -> Iterator[Finding]:
    slices = frozenset(slice_names(project.config))
    for source in project.sources:
        if source.name in EMPTY_NAMES:
            yield source.finding(
                RULE, 1, f"'{source.name}' says nothing: name the module after what it is about"
            )
        if source.parts[0] == "press_app" and len(source.parts) > 1 and source.parts[1] in slices:
            yield from check_slice_file(source)


def check_slice_file(source: Source) -> Iterator[Finding]:
    if is_part_of_package(source):
        return
    if len(source.parts) > SLICE_DEPTH or source.name not in SLICE_FILES:
        words = ", ".join(sorted(VOCABULARY))
        yield source.finding(RULE, 1, f"is outside the vocabulary of a slice ({words}, README.md)")


def is_part_of_package(source: Source) -> bool:
    """A service that outgrew one module is a package of the same name (docs/decisions/0004); its doors, too."""
    return len(source.parts) == SLICE_DEPTH + 1 and source.parts[SLICE_DEPTH - 1] in PACKAGES
