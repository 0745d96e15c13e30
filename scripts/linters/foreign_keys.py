"""A table never points at a table of a slice above it."""

import ast
from collections.abc import Iterator

from scripts.linters.contracts import layer_ranks
from scripts.linters.source import Finding, Project, Source

RULE = "foreign-key"


def check(project: Project) -> Iterator[Finding]:
    ranks = layer_ranks(project.config)
    models = [source for source in project.deployed() if source.parts[0] == "press_app"]
    owners = {table: source.parts[1] for source in models for table in list_tables(source)}
    for source in models:
        for line, column in list_foreign_keys(source):
            problem = _problem(source.parts[1], column, owners, ranks)
            if problem:
                yield source.finding(RULE, line, problem)


def _problem(slice_name: str, column: str, owners: dict[str, str], ranks: dict[str, int]) -> str | None:
    owner = owners.get(column.partition(".")[0])
    if owner is None:
        return f"'{column}' is in no model of the tree"
    if ranks.get(owner, -1) > ranks.get(slice_name, -1):
        return f"'{column}' belongs to '{owner}', which stands above '{slice_name}': turn the key round"
    return None


def list_tables(source: Source) -> list[str]:
    """Values of ``__tablename__`` and first arguments of ``Table(…)``."""
    tables = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            tables += [str(node.value.value)] if "__tablename__" in names else []
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Table":
            tables += _first_text(node)
    return tables


def list_foreign_keys(source: Source) -> list[tuple[int, str]]:
    """Line and ``table.column`` of each ``ForeignKey("…")``."""
    calls = [n for n in ast.walk(source.tree) if isinstance(n, ast.Call) and _called(n) == "ForeignKey"]
    return [(call.lineno, text) for call in calls for text in _first_text(call)]


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _first_text(call: ast.Call) -> list[str]:
    first = call.args[:1]
    return [arg.value for arg in first if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
