"""Refuses half characters: JSON can carry them, no database and no answer can."""

import re

from fastapi import Request

from press_app.errors import Invalid

_LONE_SURROGATE = re.compile(
    rb"(?<!\\)(?:\\\\)*"  # the backslash that follows is not itself escaped
    rb"(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)


class TextInvalid(Invalid):
    """A text has half of a character."""

    code = "text_invalid"


async def refuse_half_characters(request: Request) -> None:
    """For every request. Raises :class:`TextInvalid`."""
    body = await request.body()
    if (b"\\ud" in body or b"\\uD" in body) and _LONE_SURROGATE.search(body):
        message = "A text in the request has half of a character (a lone surrogate). Nothing was changed. Correct it."
        raise TextInvalid(message)
