"""Which server gets new work."""

from collections.abc import Sequence
from dataclasses import dataclass

from press_app.servers.errors import NoServer


@dataclass(frozen=True)
class Candidate:
    """A server that could take work."""

    server_id: str
    is_open: bool
    benches: int


def choose_server(candidates: Sequence[Candidate]) -> str:
    """The open server with the fewest benches; of equals the one that was added first. Raises :class:`NoServer`."""
    able = [candidate for candidate in candidates if candidate.is_open]
    if not able:
        message = (
            "No server takes new work. Nothing was changed. Add one with 'press server add', or reopen one."
        )
        raise NoServer(message)
    return min(able, key=lambda candidate: (candidate.benches, candidate.server_id)).server_id
