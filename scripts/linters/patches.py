"""Tests inject what they need: patch calls stay under one for ten tests."""

import ast
from collections.abc import Iterator

from scripts.linters.source import Finding, Project, Source

RULE = "patches"
ALLOWED_PER_TEST = 0.1
PATCHERS = frozenset({"mock", "mocker"})
MONKEY_METHODS = frozenset({"setattr", "delattr", "setitem", "delitem"})


def check(project: Project) -> Iterator[Finding]:
    tests, patches = 0, []
    for source in project.python():
        if source.is_test:
            tests += count_tests(source)
            patches += [(source, line) for line in list_patches(source)]
    if len(patches) > tests * ALLOWED_PER_TEST:
        message = f"{len(patches)} patch calls for {tests} tests in the tree; pass a fake in instead"
        yield from (source.finding(RULE, line, message) for source, line in patches)


def count_tests(source: Source) -> int:
    functions = (n for n in ast.walk(source.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return sum(node.name.startswith("test_") for node in functions)


def list_patches(source: Source) -> list[int]:
    """Lines that replace code under test: unittest.mock.patch in each spelling, and monkeypatch on objects."""
    return sorted(
        node.lineno for node in ast.walk(source.tree) if isinstance(node, ast.Call) and _is_patch(node.func)
    )


def _is_patch(func: ast.expr) -> bool:
    names = _dotted(func)
    if not names:
        return False
    if names[0] == "monkeypatch":
        return names[-1] in MONKEY_METHODS
    return names[0] == "patch" or (names[0] in {*PATCHERS, "unittest"} and "patch" in names)


def _dotted(node: ast.expr) -> list[str]:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        names.append(node.id)
        return names[::-1]
    return []
