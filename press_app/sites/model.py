"""Rows of sites: what they are, who holds them, how they are reached, what is left of them elsewhere."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    event,
    insert,
    inspect,
)
from sqlalchemy.orm import InstanceState, Mapped, Mapper, mapped_column

from press_app.benches.model import Bench
from press_app.edge.port import RouteState
from press_app.kit.db import ID, Base, Choice, Exact, Moment
from press_app.kit.lifecycle import LifecycleRow
from press_app.kit.locale import Locale
from press_app.sites.lifecycle import LIFECYCLE, AddressKind, HoldKind, SiteEvent, SiteStatus, Wanted


class Site(LifecycleRow[SiteStatus, SiteEvent], Base):
    """A tenant's ERP."""

    __tablename__ = "site"
    __table_args__ = (
        Index("ix_site_team_id_id", "team_id", "id"),
        Index("ix_site_status_id", "status", "id"),
        Index("ix_site_status_measured_at", "status", "measured_at"),
        Index("ix_site_wanted_status", "wanted", "status"),
        Index("ix_site_status_backup_due_at", "status", "backup_due_at"),
        Index("ix_site_status_backed_up_at", "status", "backed_up_at"),
    )
    lifecycle = LIFECYCLE

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    team_id: Mapped[str] = mapped_column(ForeignKey("team.id"))
    bench_id: Mapped[str | None] = mapped_column(ForeignKey("bench.id"), index=True)
    name: Mapped[str] = mapped_column(String(63), index=True)
    hostname: Mapped[str | None] = mapped_column(String(253), unique=True)
    """Empty once the site is purged, so that the name is free."""
    apps: Mapped[list[str]] = mapped_column(JSON)
    config: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Settings of the ERP that the host took; they go with it wherever it is made anew."""
    locale: Mapped[dict[str, str]] = mapped_column(JSON, default=Locale().as_json)
    """Where its company is at home; it was made for this."""
    other_locale: Mapped[dict[str, str] | None] = mapped_column(JSON)
    """What it is made for where its engine does not know that home; None where somebody asked for just that one."""
    company: Mapped[str] = mapped_column(String(190))
    admin_login: Mapped[str] = mapped_column(String(120))
    admin_email: Mapped[str] = mapped_column(String(254))
    wanted: Mapped[Wanted] = mapped_column(Choice(Wanted))
    route: Mapped[RouteState] = mapped_column(Choice(RouteState))
    """What the edge is told; ahead of the status when something is closed, behind it when it is opened.

    A live route of a held site is told as suspended, whatever else goes on.
    """
    status: Mapped[SiteStatus] = mapped_column(Choice(SiteStatus))
    target_status: Mapped[SiteStatus | None] = mapped_column(Choice(SiteStatus))
    status_since: Mapped[datetime] = mapped_column(Moment)
    deadline_at: Mapped[datetime | None] = mapped_column(Moment, index=True)
    version: Mapped[int] = mapped_column(Integer)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    """Failed attempts in a row; a person is asked after some."""
    retry_at: Mapped[datetime | None] = mapped_column(Moment)
    """Before this nothing is started by itself."""
    has_place: Mapped[bool] = mapped_column(default=False)
    """Whether it counts on its bench."""
    to_bench_id: Mapped[str | None] = mapped_column(ForeignKey("bench.id"), index=True)
    """Where it is moving; it counts there, too."""
    change: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """What is being changed, until the host's part is done: ``kind`` and what is wanted. Tried again when it broke."""
    last_change: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """The newest change: kind, outcome, when, and for how many seconds it was closed."""
    origin_site_id: Mapped[str | None] = mapped_column(ID)
    """It is a copy of this one."""
    origin_backup_id: Mapped[str | None] = mapped_column(ID, index=True)
    """Made from this backup of the other one."""
    is_muted: Mapped[bool] = mapped_column(default=False)
    """A copy: it sends no mail and runs no recurring job."""
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """Why it is broken or not there yet: step, message, what to do."""
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    users: Mapped[int | None] = mapped_column(Integer)
    measured_at: Mapped[datetime | None] = mapped_column(Moment)
    backup_due_at: Mapped[datetime | None] = mapped_column(Moment)
    """When it is backed up next by itself; None while nobody planned that yet."""
    backed_up_at: Mapped[datetime | None] = mapped_column(Moment)
    """When the newest verified backup was taken: what was written since is lost with the host."""
    backup_verified_at: Mapped[datetime | None] = mapped_column(Moment)
    """When that one was read back."""
    archived_at: Mapped[datetime | None] = mapped_column(Moment)
    undo_until: Mapped[datetime | None] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment)

    __mapper_args__ = {"version_id_col": version}

    @property
    def target(self) -> str:
        return f"site:{self.id}"


class Hold(Base):
    """A reason why a site must be suspended; gone when it is lifted, kept in the journal."""

    __tablename__ = "hold"

    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    kind: Mapped[HoldKind] = mapped_column(Choice(HoldKind), primary_key=True)
    message: Mapped[str] = mapped_column(Text)
    placed_by: Mapped[str] = mapped_column(String(120))
    placed_at: Mapped[datetime] = mapped_column(Moment)


class Address(Base):
    """One host name and whose it is: nobody else gets it while this row stands."""

    __tablename__ = "address"

    hostname: Mapped[str] = mapped_column(Exact(253), primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    kind: Mapped[AddressKind] = mapped_column(Choice(AddressKind))
    until: Mapped[datetime | None] = mapped_column(Moment, index=True)
    """A former one is free again after this."""


class Leftover(Base):
    """Data of a site on a bench that it has left; they count there until they are removed."""

    __tablename__ = "leftover"

    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    bench_id: Mapped[str] = mapped_column(ForeignKey("bench.id"), primary_key=True, index=True)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    retry_at: Mapped[datetime | None] = mapped_column(Moment)
    """When the removal is asked for again; None while a job works on it."""
    created_at: Mapped[datetime] = mapped_column(Moment)


class LoginLink(Base):
    """A one-time login; the token itself is a secret."""

    __tablename__ = "login_link"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    job_id: Mapped[str] = mapped_column(ID)
    asked_by: Mapped[str | None] = mapped_column(String(120))
    """None while nobody has it: the link that was made with the site, for whoever asks first."""
    path: Mapped[str | None] = mapped_column(String(64))
    """Set when the bench knows the token."""
    error: Mapped[str | None] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(Moment)


class RouteChange(Base):
    """Something that the edge is told changed; whoever publishes reads the newest instead of the whole table."""

    __tablename__ = "route_change"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    subject: Mapped[str] = mapped_column(String(64))
    """``site:<id>`` or ``bench:<id>``."""


@event.listens_for(Site, "after_insert")
@event.listens_for(Site, "after_update")
@event.listens_for(Bench, "after_update")
def _note_change(_mapper: Mapper[Any], connection: Connection, row: Site | Bench) -> None:
    """Written by the mapper, so that no place that moves a route can forget it."""
    names = ("route", "hostname", "bench_id") if isinstance(row, Site) else ("url",)
    state: InstanceState[Any] = inspect(row)
    if any(state.attrs[name].history.has_changes() for name in names):
        connection.execute(insert(RouteChange).values(subject=row.target))


@event.listens_for(Address, "after_insert")
@event.listens_for(Address, "after_update")
@event.listens_for(Address, "after_delete")
def _note_address(_mapper: Mapper[Any], connection: Connection, address: Address) -> None:
    # A name that was never given up is told by its site; what it becomes later is told here.
    if address.until is not None or inspect(address).attrs["until"].history.has_changes():
        connection.execute(insert(RouteChange).values(subject=f"site:{address.site_id}"))


@event.listens_for(Hold, "after_insert")
@event.listens_for(Hold, "after_delete")
def _note_hold(_mapper: Mapper[Any], connection: Connection, hold: Hold) -> None:
    connection.execute(insert(RouteChange).values(subject=f"site:{hold.site_id}"))
