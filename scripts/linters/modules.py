"""Every module says what lives in it, and imports at its top."""

import ast
from collections.abc import Iterator

from scripts.linters.source import Finding, Project, Source

DOCSTRING_RULE = "module-docstring"
IMPORT_RULE = "late-import"


def check(project: Project) -> Iterator[Finding]:
    for source in project.python():
        yield from check_docstring(source)
    for source in project.deployed():
        if not source.parts[1].startswith("cli"):
            yield from check_imports(source)


def check_docstring(source: Source) -> Iterator[Finding]:
    if source.tree.body and not ast.get_docstring(source.tree):
        yield source.finding(DOCSTRING_RULE, 1, "opens without a line that says what lives here")


def check_imports(source: Source) -> Iterator[Finding]:
    """The CLI loads heavy parts late, so that ``--help`` answers at once; nothing else has a reason to."""
    functions = (n for n in ast.walk(source.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    lines = {
        node.lineno
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    for line in sorted(lines):
        yield source.finding(
            IMPORT_RULE, line, "imports inside a function: a cycle is hidden here, or move it up"
        )
