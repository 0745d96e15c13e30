"""Run by the bench's interpreter: show that a pool depends on the list of modules alone.

``source``: read the pinned modules' code; nothing that makes a class may touch the database.
``compare <folder> <database> <database>``: load the pools of two databases with the same modules and different data
and compare all that their classes hold.
"""

import ast
import hashlib
import json
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MAKERS = {"__setup__", "__post_setup__", "__setup_indexes__", "__init_subclass__", "__set_name__"}
DATABASE_WORDS = {"Transaction", "cursor", "connection", "search", "browse", "search_read", "search_count"}


def list_suspects() -> list[str]:
    """Return the places where the making of a class uses a word that reaches a database."""
    import trytond

    root = Path(trytond.__file__).parent
    found = []
    for path in sorted(root.rglob("*.py")):
        if "tests" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name in MAKERS:
                words = sorted(_list_words(node) & DATABASE_WORDS)
                found += [f"{path.relative_to(root)}:{node.lineno} {word}" for word in words]
    return found


def _list_words(node: ast.AST) -> set[str]:
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return names | {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}


def list_differences(folder: str, first: str, second: str) -> list[str]:
    """Return the models and fields whose descriptions differ between two databases."""
    from trytond import config

    config.set("database", "uri", "sqlite://")
    config.set("database", "path", folder)
    from trytond.pool import Pool

    Pool.start()
    described = []
    for database in (first, second):
        pool = Pool(database)
        pool.init()
        described.append(dict(_describe(pool)))
    one, other = described
    assert len(one) > 1000
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


def _describe(pool: Any) -> Iterator[tuple[str, str]]:
    for kind in ("model", "wizard", "report"):
        for name, cls in pool.iterobject(kind):
            yield f"{kind} {name}", _digest([base.__qualname__ for base in cls.__mro__])
            for attribute in sorted({key for base in cls.__mro__ for key in vars(base)}):
                value = getattr(cls, attribute, None)
                if attribute.startswith("__") and attribute != "__rpc__":
                    continue
                yield f"{kind} {name} {attribute}", _digest(_plain(value, 4))


def _plain(value: Any, depth: int) -> Any:
    """Turn a class attribute into plain data: what functions do is the same code, what they hold is compared."""
    if isinstance(value, (str, int, float, bool, type(None), bytes)):
        return value
    if any(base.__name__ == "BaseCache" for base in type(value).__mro__):
        return "a cache, which keeps each database's values apart"
    if depth == 0 or callable(value):
        return getattr(value, "__qualname__", type(value).__qualname__)
    if isinstance(value, dict):
        return sorted((str(_plain(k, depth - 1)), str(_plain(v, depth - 1))) for k, v in value.items())
    if isinstance(value, (set, frozenset)):
        return sorted(str(_plain(item, depth - 1)) for item in value)
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth - 1) for item in value]
    held = getattr(value, "__dict__", None)
    return [type(value).__qualname__, _plain(held, depth - 1) if held else None]


def _digest(value: Any) -> str:
    return hashlib.sha256(pickle.dumps(str(value))).hexdigest()


if __name__ == "__main__":
    result = list_suspects() if sys.argv[1] == "source" else list_differences(*sys.argv[2:])
    sys.stdout.write(json.dumps(result))
