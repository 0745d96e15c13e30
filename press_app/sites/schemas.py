"""Shapes of sites on the wire."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StrictBool

from press_app.jobs.model import Job
from press_app.kit.locale import (
    COUNTRY,
    CURRENCY,
    LANGUAGE,
    MAX_TIME_ZONE,
    TIME_ZONE,
    Locale,
    check_time_zone,
)
from press_app.sites.lifecycle import ChangeKind, HoldKind, SiteStatus, Wanted
from press_app.sites.model import Address, Hold, LoginLink, Site
from press_app.work.model import JournalRow

AppName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Apps = Annotated[list[AppName], Field(max_length=50)]
ConfigName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
ConfigText = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00-\x1f\x7f]*$")]
ConfigNumber = Annotated[int, Field(strict=True, ge=-(1 << 53), le=1 << 53)]
Config = Annotated[dict[ConfigName, StrictBool | ConfigNumber | ConfigText], Field(max_length=100)]
TimeZone = Annotated[
    str,
    Field(pattern=TIME_ZONE, max_length=MAX_TIME_ZONE, description="IANA's name."),
    AfterValidator(check_time_zone),
]


class LocaleCreate(BaseModel):
    """Where the company is at home; what is left out is the platform's own."""

    model_config = ConfigDict(extra="forbid")

    country: Annotated[str, Field(pattern=COUNTRY, description="ISO 3166 alpha-2.")] | None = None
    currency: Annotated[str, Field(pattern=CURRENCY, description="ISO 4217.")] | None = None
    language: Annotated[str, Field(pattern=LANGUAGE, description="ISO 639-1, or `pt-BR`.")] | None = None
    time_zone: TimeZone | None = None

    def over(self, home: Locale) -> Locale:
        """The home of a company on a platform with this one."""
        return replace(home, **self.model_dump(exclude_none=True))


class LocaleView(BaseModel):
    """Where the company is at home."""

    country: str
    currency: str
    language: str
    time_zone: str


class SiteCreate(BaseModel):
    """A new site for a team; a subscription of the team must have room for it."""

    team_id: str = Field(max_length=36)
    name: str = Field(max_length=63, examples=["martin"])
    apps: list[AppName] = Field(default=["base"], max_length=50)
    locale: LocaleCreate = LocaleCreate()
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


class LastChange(BaseModel):
    """The newest change of its apps, name, settings or bench."""

    kind: ChangeKind
    outcome: Literal["running", "done", "undone", "failed", "given_up"]
    """``undone``: it failed, and everything stands as before. ``failed``: half-way; it is tried again."""
    started_at: datetime
    ended_at: datetime | None
    closed_seconds: float | None
    """For how long nobody was let in."""
    message: str | None


class FormerAddress(BaseModel):
    """A name that the site had; it leads to the present one."""

    hostname: str
    until: datetime | None

    @classmethod
    def of(cls, address: Address) -> Self:
        return cls.model_validate(address, from_attributes=True)


class Origin(BaseModel):
    """What a copy was made from."""

    site_id: str
    backup_id: str


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
    bench_id: str | None
    apps: list[str]
    locale: LocaleView
    company: str
    admin_login: str
    admin_email: str
    former_addresses: list[FormerAddress]
    origin: Origin | None
    is_muted: bool
    """A copy: it sends no mail and runs no recurring job."""
    last_change: LastChange | None
    holds: list[HoldView]
    error: dict[str, Any] | None
    retry_at: datetime | None
    size_bytes: int | None
    users: int | None
    measured_at: datetime | None
    backed_up_at: datetime | None
    """When the newest verified backup was taken."""
    backup_verified_at: datetime | None
    """When that one was read back and compared."""
    backup_due_at: datetime | None
    """When it is backed up next by itself."""
    archived_at: datetime | None
    undo_until: datetime | None
    created_at: datetime
    version: int

    @classmethod
    def of(cls, site: Site, holds: Sequence[Hold], former: Sequence[Address], url: str | None) -> Self:
        origin = None
        if site.origin_site_id and site.origin_backup_id:
            origin = Origin(site_id=site.origin_site_id, backup_id=site.origin_backup_id)
        columns = {name: getattr(site, name) for name in cls.model_fields if hasattr(site, name)}
        return cls(
            **columns,
            holds=[HoldView.of(hold) for hold in holds],
            former_addresses=[FormerAddress.of(address) for address in former],
            origin=origin,
            url=url,
        )


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


class AppsPut(BaseModel):
    """All the apps that the site shall have; what is not named goes, with its data."""

    model_config = ConfigDict(extra="forbid")

    apps: Apps = Field(examples=[["base", "crm"]])


class RenameRequest(BaseModel):
    """The new first part of its address; the old one leads there for thirty days."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=63, examples=["martin-bakery"])


class MoveRequest(BaseModel):
    """Where to: either this bench, or a running bench of this release on the site's own server."""

    model_config = ConfigDict(extra="forbid")

    bench_id: str | None = Field(default=None, max_length=36)
    release: str | None = Field(default=None, max_length=63, description="Id or name of the release.")


class ConfigPut(BaseModel):
    """All the settings that the site shall have; no secrets, the whole team reads them."""

    model_config = ConfigDict(extra="forbid")

    config: Config = Field(examples=[{"session_hours": 8, "show_help": False}])


class ConfigView(BaseModel):
    """The settings that its host took last."""

    config: Config


class ChangeStarted(BaseModel):
    """The job that changes the site, and the backup that it takes first."""

    job_id: str | None = Field(description="Null where there was nothing to do on a host, and it is done.")
    backup_id: str | None

    @classmethod
    def of(cls, job: Job | None) -> Self:
        return cls(job_id=job.id if job else None, backup_id=job.params.get("backup_id") if job else None)


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
