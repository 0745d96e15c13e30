"""Settings are read once: the environment is touched in each program's ``config.py`` only."""

import ast
from collections.abc import Iterator

from scripts.linters.source import DEPLOYABLES, Finding, Project, Source

RULE = "environment"
NAMES = frozenset({"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"})
HOMES = frozenset({f"{program}/config.py" for program in DEPLOYABLES} | {"billing_bridge/sandbox/config.py"})


def check(project: Project) -> Iterator[Finding]:
    for source in project.deployed():
        if source.path not in HOMES:
            yield from check_source(source)


def check_source(source: Source) -> Iterator[Finding]:
    for node in ast.walk(source.tree):
        name = _environment_name(node)
        if name:
            message = f"os.{name}: take the value from the settings object, built once in bootstrap"
            yield source.finding(RULE, getattr(node, "lineno", 1), message)


def _environment_name(node: ast.AST) -> str | None:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
        return node.attr if node.attr in NAMES else None
    if isinstance(node, ast.ImportFrom) and node.module == "os":
        return next((alias.name for alias in node.names if alias.name in NAMES), None)
    return None
