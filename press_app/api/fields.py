"""Types of request fields that endpoints of this folder share."""

from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, Field

MAX_ID = 36


def _visible(text: str) -> str:
    clean = text.strip()
    if not clean or not clean.isprintable():
        message = "must have visible characters only"
        raise ValueError(message)
    return clean


Id = Annotated[str, Path(max_length=MAX_ID)]
"""An id in an address; one that was never given is answered with 404."""

Name = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_visible)]
"""What people call something: one line."""
