"""What a step says while it runs: redacted, bounded, written down at most once a second."""

import time
from collections.abc import Callable, Iterable

from agent.commands.redact import Secret, redact

MAX_CHARS = 8000
EVERY_SECONDS = 1.0


class StepOutput:
    """Collects lines of one step and hands the text on now and then."""

    def __init__(self, save: Callable[[str], None], get_secrets: Callable[[], Iterable[Secret]]) -> None:
        self._save = save
        self._get_secrets = get_secrets
        self._text = ""
        self._saved_at = time.monotonic()

    @property
    def text(self) -> str:
        return self._text

    def add(self, line: str) -> None:
        """Take one line; the oldest ones go when there are too many."""
        self._text = (self._text + redact(line, self._get_secrets()).rstrip("\n") + "\n")[-MAX_CHARS:]
        if time.monotonic() - self._saved_at >= EVERY_SECONDS:
            self._saved_at = time.monotonic()
            self._save(self._text)
