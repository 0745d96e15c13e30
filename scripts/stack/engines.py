"""Which ERP a stack is made for: chosen once, and the code of its first release pinned to commits once."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.host.git import trust
from scripts.bringup.engines import COMMIT, ENGINES, FRAPPE, PUBLIC, SOURCE, TRYTON, pin_sources
from scripts.bringup.errors import UpError
from scripts.stack.errors import StackError
from scripts.stack.settings import Stack

ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~+-]+)+")
"""No key in it: it stands in files that everybody may read."""


def settle_engine(stack: Stack, asked: Sequence[str], known: Mapping[str, str], *, is_made: bool) -> Stack:
    """The stack with its code at commits. ``known`` is what ``.env`` says, ``is_made`` whether it has run already.

    Raises :class:`StackError`; nothing was changed then.
    """
    if stack.engine not in ENGINES:
        raise StackError(f"'{stack.engine}' is no engine: {', '.join(ENGINES)}. Nothing was changed.")
    runs = known.get("engine") or TRYTON
    if is_made and stack.engine != runs:
        raise StackError(
            f"This stack runs {runs}, and new sites would get one of both. Nothing was changed; make another stack "
            "for the other engine, on a machine of its own."
        )
    if stack.engine != FRAPPE:
        if asked:
            raise StackError("--app goes with --engine frappe. Nothing was changed.")
        return stack
    return stack.model_copy(update={"apps": " ".join(_pin(stack, asked, known, is_made=is_made))})


def _pin(stack: Stack, asked: Sequence[str], known: Mapping[str, str], *, is_made: bool) -> list[str]:
    remembered = known.get("apps", "").split()
    pinned = remembered if all(COMMIT.fullmatch(text.rpartition("@")[2]) for text in remembered) else []
    wanted = asked or stack.apps.split() or pinned or PUBLIC
    if pinned and _are_same(wanted, pinned):
        return pinned
    if pinned and is_made:
        raise StackError(
            f"The first release of this stack is {' '.join(pinned)}. Nothing was changed; another one is added with "
            "`docker compose run --rm press release add --engine frappe --app …`."
        )
    for text in wanted:
        match = SOURCE.fullmatch(text)
        if match is None or ADDRESS.fullmatch(match["url"]) is None:
            raise StackError(
                f"'{text}' is not APP=URL@BRANCH with an address that begins with https:// and holds no key. "
                f"Nothing was changed. Write --app {PUBLIC[0]}."
            )
    try:
        return pin_sources(wanted, trust(Path(stack.extra_ca) if stack.extra_ca else None))
    except UpError as error:
        raise StackError(error.message, log=error.log) from error


def _are_same(asked: Sequence[str], pinned: Sequence[str]) -> bool:
    """Whether these are the pinned ones: a branch has moved on since, and is another commit now."""
    return [text.rpartition("@")[0] for text in asked] == [text.rpartition("@")[0] for text in pinned]
