"""Shapes of sites on the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, SecretStr

from press_app.sites.lifecycle import HoldKind, SiteStatus, Wanted
from press_app.sites.model import Hold, LoginLink, Site
from press_app.work.model import JournalRow

AppName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class SiteCreate(BaseModel):
    """A new site for a team; a subscription of the team must have room for it."""

    team_id: str = Field(max_length=36)
    name: str = Field(max_length=63, examples=["martin"])
    apps: list[AppName] = Field(default=["base"], max_length=20)
    company: str = Field(
        min_length=1, max_length=190, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["Bakery Martin"]
    )
    admin_email: str = Field(min_length=3, max_length=254, examples=["owner@bakery-martin.example"])


class HoldView(BaseModel):
    """A reason why a site is suspended."""

    kind: HoldKind
    message: str
    placed_by: str
    placed_at: datetime

    @classmethod
    def of(cls, hold: Hold) -> Self:
        return cls.model_validate(hold, from_attributes=True)


class SiteView(BaseModel):
    """A site: what it is, what it should be, why, and what happens next."""

    id: str
    team_id: str
    name: str
    hostname: str | None
    url: str | None
    status: SiteStatus
    target_status: SiteStatus | None
    wanted: Wanted
    status_since: datetime
    apps: list[str]
    company: str
    admin_login: str
    admin_email: str
    holds: list[HoldView]
    error: dict[str, Any] | None
    retry_at: datetime | None
    size_bytes: int | None
    users: int | None
    measured_at: datetime | None
    archived_at: datetime | None
    undo_until: datetime | None
    created_at: datetime
    version: int

    @classmethod
    def of(cls, site: Site, holds: Sequence[Hold], url: str | None) -> Self:
        columns = {name: getattr(site, name) for name in cls.model_fields if name not in {"holds", "url"}}
        return cls(**columns, holds=[HoldView.of(hold) for hold in holds], url=url)


class SitePage(BaseModel):
    """One page of sites, newest first."""

    items: list[SiteView]
    next_cursor: str | None


class HoldPlace(BaseModel):
    """Suspend a site for a reason that its users will read."""

    kind: HoldKind = HoldKind.OPERATOR
    message: str = Field(
        min_length=3, max_length=500, examples=["Suspended at your request until 1 December."]
    )


class LoginLinkView(BaseModel):
    """A one-time login; ``url`` comes when the bench knows it, and works once."""

    id: str
    site_id: str
    job_id: str
    url: str | None = Field(repr=False)
    error: str | None
    expires_at: datetime

    @classmethod
    def of(cls, link: LoginLink, url: str | None) -> Self:
        return cls(
            id=link.id,
            site_id=link.site_id,
            job_id=link.job_id,
            url=url,
            error=link.error,
            expires_at=link.expires_at,
        )


class PasswordSet(BaseModel):
    """A new password of the owner; without one a random one is made."""

    password: SecretStr | None = Field(default=None, min_length=10, max_length=200)


class PasswordView(BaseModel):
    """The job that sets it; the password is shown this once."""

    job_id: str
    login: str
    password: str = Field(repr=False)


class TimelineEntry(BaseModel):
    """One thing that happened to a site."""

    id: int
    at: datetime
    kind: str
    actor: str
    message: str
    data: dict[str, Any]
    correlation_id: str

    @classmethod
    def of(cls, row: JournalRow) -> Self:
        return cls.model_validate(row, from_attributes=True)


class Timeline(BaseModel):
    """What happened to a site, newest first; ``next_before`` reads on into the past."""

    items: list[TimelineEntry]
    next_before: int | None
