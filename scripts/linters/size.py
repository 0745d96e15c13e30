"""Budgets: a module fits a sitting, a function fits a screen."""

import ast
from collections.abc import Iterator

from scripts.linters.source import Finding, Project, Source

RULE = "size"
MODULE_LINES = 300
TEST_MODULE_LINES = 500
FUNCTION_LINES = 40


def check(project: Project) -> Iterator[Finding]:
    for source in project.python():
        yield from check_module(source)
        yield from check_functions(source)


def check_module(source: Source) -> Iterator[Finding]:
    budget = TEST_MODULE_LINES if source.is_test else MODULE_LINES
    lines = len(source.text.splitlines())
    if lines > budget:
        yield source.finding(RULE, 1, f"{lines} lines, the budget is {budget}: split it by what it is about")


def check_functions(source: Source) -> Iterator[Finding]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            # A command line's options stand in the signature; what a function does begins with its body.
            lines = (node.end_lineno or node.lineno) - node.body[0].lineno + 1
            if lines > FUNCTION_LINES:
                message = f"{node.name} has {lines} lines, the budget is {FUNCTION_LINES}: name its parts"
                yield source.finding(RULE, node.lineno, message, name=node.name)
