"""A secret that prints as ``[redacted]`` wherever it is shown by mistake."""

from collections.abc import Iterable
from typing import Any, NoReturn

REDACTED = "[redacted]"


class Secret:
    """Holds a value in memory; only :meth:`reveal` gives it away, and it can be neither pickled nor put into JSON."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value, for the one place that needs it."""
        return self._value

    def __str__(self) -> str:
        return REDACTED

    def __repr__(self) -> str:
        return REDACTED

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("A Secret stays in the memory of the process that fetched it.")


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """Replace each secret's value in a text, the longest first so that no part of one stays."""
    values = sorted({secret.reveal() for secret in secrets} - {""}, key=len, reverse=True)
    for value in values:
        text = text.replace(value, REDACTED)
    return text
