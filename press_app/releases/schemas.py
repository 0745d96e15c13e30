"""Shapes of releases on the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from press_app.releases.model import Release

AppName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Source(BaseModel):
    """The code of one app, pinned to a commit."""

    model_config = ConfigDict(extra="forbid")

    app: AppName
    url: str = Field(max_length=300, pattern=r"^((https|file)://[^\s@]+|ssh://([^\s@]+@)?[^\s@]+)$")
    commit: str = Field(pattern=r"^[0-9a-f]{40}$")


class ReleaseCreate(BaseModel):
    """A pinned set of app versions of an engine."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,62}$")
    engine: str = Field(pattern=r"^[a-z][a-z0-9]{1,31}$")
    engine_version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,62}$")
    app_sets: list[Annotated[list[AppName], Field(min_length=1, max_length=20)]] = Field(
        min_length=1, max_length=20
    )
    sources: list[Source] = Field(default=[], max_length=30)
    """The code of its apps, the engine's own first; empty for engines whose code comes with the agent."""
    base: str | None = Field(
        default=None,
        max_length=200,
        pattern=r"^[a-z0-9]+([._/:@-]+[A-Za-z0-9_]+)*$",
        description="Image that those of its benches are built on, debian:trixie-slim; without one the agent's own.",
    )


class ReleaseView(BaseModel):
    """A release."""

    id: str
    name: str
    engine: str
    engine_version: str
    app_sets: list[list[str]]
    sources: list[Source]
    base: str | None
    apps: list[str]
    """What its sites may have."""
    created_at: datetime

    @classmethod
    def of(cls, release: Release, apps: Sequence[str]) -> Self:
        columns = {name: getattr(release, name) for name in cls.model_fields if name != "apps"}
        return cls.model_validate(columns | {"apps": list(apps)}, from_attributes=True)


class ReleasePage(BaseModel):
    """One page of releases."""

    items: list[ReleaseView]
    next_cursor: str | None
