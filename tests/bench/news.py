"""The platform's stream of events, followed as a customer's page does: nobody asks again and again."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from press_app.cli.api_client import Api
from press_app.cli.failures import CommandFailed

OPEN_SECONDS = 30.0


class News:
    """Which site runs since the stream was opened, by its hostname."""

    def __init__(self) -> None:
        self._active: dict[str, str] = {}
        self._changed = threading.Condition()

    def take(self, event: dict[str, Any]) -> None:
        if event["kind"] == "site.active":
            with self._changed:
                self._active[str(event["message"]).partition(" ")[0]] = event["subject"].partition(":")[2]
                self._changed.notify_all()

    def wait_for_active(self, hostname: str, seconds: float) -> str:
        """Id of the site, once it runs. Raises :class:`LookupError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: hostname in self._active, seconds):
                message = f"{hostname} does not run after {seconds:.0f} s"
                raise LookupError(message)
            return self._active[hostname]


@contextmanager
def following(api: Api) -> Iterator[News]:
    """News from now on; returns to the block when the stream is open."""
    news, is_open, is_over = News(), threading.Event(), threading.Event()

    def read() -> None:
        with suppress(CommandFailed):
            for event in api.copy().stream(on_open=is_open.set):
                if is_over.is_set():
                    return
                if event is not None:
                    news.take(event)

    threading.Thread(target=read, name="news", daemon=True).start()
    if not is_open.wait(OPEN_SECONDS):
        message = "the stream of events did not open"
        raise LookupError(message)
    try:
        yield news
    finally:
        is_over.set()
