"""Shapes of servers on the wire."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field

from press_app.servers.lifecycle import ServerStatus
from press_app.servers.model import Server, ServerFeed

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,61}[a-z0-9]$")]


class ServerCreate(BaseModel):
    """A new server, before its agent is enrolled."""

    name: Name


class ServerEnrol(BaseModel):
    """What ``press-agent enroll`` printed on the host."""

    url: str = Field(pattern=r"^https?://[A-Za-z0-9.:\[\]-]{1,200}$")
    public_key: str = Field(max_length=2000)


class ServerMove(BaseModel):
    """What to do with a server."""

    event: Literal["drain", "reopen", "retire"]


class ServerView(BaseModel):
    """A server as operators see it."""

    id: str
    name: str
    url: str | None
    status: ServerStatus
    heard_at: datetime | None
    is_quiet: bool
    created_at: datetime

    @classmethod
    def of(cls, server: Server, feed: ServerFeed | None, *, is_quiet: bool) -> Self:
        return cls(
            id=server.id,
            name=server.name,
            url=server.url,
            status=server.status,
            heard_at=feed.heard_at if feed else None,
            is_quiet=is_quiet,
            created_at=server.created_at,
        )


class ServerCreated(ServerView):
    """A new server and what its agent must be told."""

    control_plane_url: str
    control_plane_public_key: str


class ServerPage(BaseModel):
    """One page of servers."""

    items: list[ServerView]
    next_cursor: str | None
