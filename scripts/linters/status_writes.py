"""A lifecycle moves through its table: nobody but ``kit/lifecycle`` assigns a status."""

import ast
from collections.abc import Iterable, Iterator

from scripts.linters.contracts import slice_names
from scripts.linters.source import Finding, Project, Source

RULE = "status-write"
FIELDS = frozenset({"status", "target_status"})
HOME = "press_app/kit/lifecycle.py"
ADVICE = "a lifecycle changes only through apply() in kit/lifecycle"


def check(project: Project) -> Iterator[Finding]:
    slices = frozenset(slice_names(project.config))
    for source in project.deployed():
        # The agent's ledger and the bridge's inbox have statuses of their own, without lifecycle tables.
        if source.path.startswith("press_app/") and source.path != HOME:
            yield from check_source(source, in_slice=source.path.split("/")[1] in slices)


def check_source(source: Source, *, in_slice: bool) -> Iterator[Finding]:
    """Bulk updates are refused in slices only: elsewhere (the task queue) a row has a status but no lifecycle."""
    constructors = set(_constructor_nodes(source.tree))
    for node in ast.walk(source.tree):
        if node in constructors:
            continue
        for field in _written_fields(node, bulk=in_slice):
            yield source.finding(RULE, getattr(node, "lineno", 1), f"assigns .{field}; {ADVICE}")


def _constructor_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """An object may give itself its first status."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            yield from ast.walk(node)


def _written_fields(node: ast.AST, *, bulk: bool) -> Iterator[str]:
    if isinstance(node, ast.Assign):
        targets = [leaf for target in node.targets for leaf in ast.walk(target)]
        yield from _fields_of(targets)
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        yield from _fields_of([node.target])
    elif isinstance(node, ast.Call):
        yield from _fields_of_call(node, bulk=bulk)


def _fields_of(targets: Iterable[ast.AST]) -> Iterator[str]:
    for target in targets:
        if isinstance(target, ast.Attribute) and isinstance(target.ctx, ast.Store) and target.attr in FIELDS:
            yield target.attr


def _fields_of_call(call: ast.Call, *, bulk: bool) -> Iterator[str]:
    """``setattr(x, "status", …)`` and ``update(X)….values(status=…)``."""
    if isinstance(call.func, ast.Name) and call.func.id == "setattr":
        names = [arg.value for arg in call.args[1:2] if isinstance(arg, ast.Constant)]
        yield from (name for name in names if isinstance(name, str) and name in FIELDS)
    if bulk and isinstance(call.func, ast.Attribute) and call.func.attr == "values" and _updates(call.func):
        yield from (keyword.arg for keyword in call.keywords if keyword.arg in FIELDS)


def _updates(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute | ast.Call):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return node.func.id == "update"
        if isinstance(node, ast.Attribute) and node.attr == "update" and isinstance(node.value, ast.Name):
            return True
        node = node.func if isinstance(node, ast.Call) else node.value
    return False
