"""Writes ``compose/*.env.example`` from the settings classes: ``python -m scripts.env_examples [--check]``.

Every option stands there as a comment with its default, so that an operator sees what can be set and what holds when
nothing is. The words are the ones under the fields in the code.
"""

import argparse
import ast
import inspect
import sys
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from agent.config import Settings as AgentSettings
from billing_bridge.config import Settings as BridgeSettings
from billing_bridge.sandbox.config import Settings as SandboxSettings
from press_app.config import Settings as PressSettings
from scripts.bringup.state import ROOT
from scripts.stack.settings import Stack, name_variable

FOLDER = ROOT / "compose"
WIDTH = 110
EXAMPLES: dict[str, tuple[type[BaseSettings], str]] = {
    "control-plane.env.example": (PressSettings, "The control plane"),
    "agent.env.example": (AgentSettings, "The host agent"),
    "billing-bridge.env.example": (BridgeSettings, "The billing bridge"),
    ".env.example": (Stack, "A stack of containers; scripts/init.sh writes .env"),
    "lago-sandbox.env.example": (SandboxSettings, "The Lago sandbox, for trials and tests"),
}


def render_example(settings: type[BaseSettings], title: str) -> str:
    """The whole file. An option without a default stands uncommented and empty: it must be set."""
    words = read_words(settings)
    lines = [f"# {title}. Every option with its default; a line without # must be filled in."]
    if settings is not Stack:
        lines.append(
            "# A file /run/secrets/<option in small letters> sets one, too; that is how containers get secrets."
        )
    for name, field in settings.model_fields.items():
        text = words.get(name, "")
        lines += ["", *(f"# {line}" for line in textwrap.wrap(text, WIDTH - 2))]
        variable = name_variable(settings, name)
        required = field.default is PydanticUndefined and field.default_factory is None
        lines.append(f"{variable}=" if required else f"#{variable}={format_value(field.get_default())}")
    return "\n".join(lines) + "\n"


def format_value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_words(settings: type[BaseSettings]) -> dict[str, str]:
    """Field → the string under it, as one line without code marks."""
    (body,) = (
        node.body
        for node in ast.parse(textwrap.dedent(inspect.getsource(settings))).body
        if isinstance(node, ast.ClassDef)
    )
    words = {}
    for field, below in pairwise(body):
        is_text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and is_text:
            text = ast.literal_eval(below.value)  # type: ignore[attr-defined]
            words[field.target.id] = " ".join(str(text).split()).replace("``", "")
    return words


def list_stale(folder: Path) -> list[str]:
    """Names of the files that are not what the settings classes say."""
    return [
        name
        for name, (settings, title) in EXAMPLES.items()
        if not (folder / name).exists()
        or (folder / name).read_text(encoding="utf-8") != render_example(settings, title)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    stale = list_stale(FOLDER)
    if parser.parse_args().check:
        print(
            "\n".join(f"{FOLDER.name}/{name} is stale: run python -m scripts.env_examples" for name in stale)
        )
        return 1 if stale else 0
    for name in stale:
        settings, title = EXAMPLES[name]
        (FOLDER / name).write_text(render_example(settings, title), encoding="utf-8")
        print(f"wrote {FOLDER.name}/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
