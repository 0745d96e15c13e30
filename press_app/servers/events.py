"""What the servers tell the slices above them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ServerRetireWanted:
    """A server is to be retired; listeners refuse by raising while something stands on it."""

    server_id: str
