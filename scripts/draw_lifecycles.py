"""Draws every lifecycle of the control plane into ``docs/lifecycles/``; ``--check`` only says what is stale."""

import importlib
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "lifecycles"
sys.path.insert(0, str(ROOT))

from press_app.kit.lifecycle import Lifecycle, Working  # noqa: E402 - runs as a file, so the tree is found first

INDEX = "README.md"


def load_lifecycles() -> list[Lifecycle[Any, Any]]:
    """Every table of the slices, by name."""
    found = [
        importlib.import_module(f"press_app.{path.parent.name}.lifecycle").LIFECYCLE
        for path in (ROOT / "press_app").glob("*/lifecycle.py")
        if path.parent.name != "kit"
    ]
    return sorted(found, key=lambda lifecycle: lifecycle.name)


def render(lifecycle: Lifecycle[Any, Any]) -> str:
    """The page of one lifecycle: picture, states, moves."""
    return "\n".join(
        [
            f"# Lifecycle of a {lifecycle.name}",
            "",
            "Drawn from the table in the code by `python scripts/draw_lifecycles.py`; change the table, not this page.",
            "",
            "```mermaid",
            "stateDiagram-v2",
            *_picture(lifecycle),
            "```",
            "",
            "## States",
            "",
            "| state | meaning | over within | then | allows |",
            "|---|---|---|---|---|",
            *_states(lifecycle),
            "",
            "## Moves",
            "",
            "| from | event | to | why |",
            "|---|---|---|---|",
            *_moves(lifecycle),
            "",
        ]
    )


def _picture(lifecycle: Lifecycle[Any, Any]) -> Iterator[str]:
    yield f"    [*] --> {lifecycle.initial.value}"
    for (state, event), (target, _) in lifecycle.moves.items():
        yield f"    {state.value} --> {target.value}: {event.value}"
    left = {state for state, _ in lifecycle.moves}
    for state in lifecycle.states:
        if state not in left:
            yield f"    {state.value} --> [*]"


def _states(lifecycle: Lifecycle[Any, Any]) -> Iterator[str]:
    for state, info in lifecycle.states.items():
        within = then = "–"
        if isinstance(info, Working):
            within = _duration(info.within)
            then = f"`{info.on_timeout.value}` → {lifecycle.next_state(state, info.on_timeout).value}"
        allows = ", ".join(sorted(info.allows)) or "–"
        yield f"| **{state.value}** | {info.meaning} | {within} | {then} | {allows} |"


def _moves(lifecycle: Lifecycle[Any, Any]) -> Iterator[str]:
    for (state, event), (target, why) in lifecycle.moves.items():
        yield f"| {state.value} | `{event.value}` | {target.value} | {why} |"


def _duration(within: timedelta) -> str:
    minutes = int(within.total_seconds() // 60)
    return f"{minutes // 60} h" if minutes >= 60 and minutes % 60 == 0 else f"{minutes} min"  # noqa: PLR2004


def render_index(lifecycles: list[Lifecycle[Any, Any]]) -> str:
    """The list of all pages."""
    lines = [
        f"- [{lifecycle.name}]({lifecycle.name}.md): {len(lifecycle.states)} states, {len(lifecycle.moves)} moves"
        for lifecycle in lifecycles
    ]
    return "\n".join(
        ["# Lifecycles", "", "Each is one table in the code, changed only through `apply()`.", "", *lines, ""]
    )


def render_all() -> dict[str, str]:
    """File name → page."""
    lifecycles = load_lifecycles()
    pages = {f"{lifecycle.name}.md": render(lifecycle) for lifecycle in lifecycles}
    return {**pages, INDEX: render_index(lifecycles)}


def list_stale(folder: Path) -> list[str]:
    """Pages that are missing, differ from the tables, or belong to no table."""
    pages = render_all()
    stale = [
        name
        for name, text in pages.items()
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text
    ]
    return sorted([*stale, *(path.name for path in folder.glob("*.md") if path.name not in pages)])


def main(arguments: list[str]) -> int:
    if "--check" in arguments:
        stale = list_stale(FOLDER)
        for name in stale:
            print(f"stale: docs/lifecycles/{name}; run python scripts/draw_lifecycles.py", file=sys.stderr)
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    pages = render_all()
    for path in FOLDER.glob("*.md"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
