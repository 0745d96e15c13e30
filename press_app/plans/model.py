"""Rows of plans."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from press_app.kit.db import ID, Base, Choice, Exact, Moment
from press_app.plans.rules import Entitlements


class Interval(StrEnum):
    """How often a plan is billed."""

    MONTHLY = "monthly"
    YEARLY = "yearly"


class Plan(Base):
    """What can be bought. Prices are for showing; Lago alone says what is owed."""

    __tablename__ = "plan"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    code: Mapped[str] = mapped_column(Exact(64), unique=True)
    """The plan's code in Lago."""
    name: Mapped[str] = mapped_column(String(120))
    price_cents: Mapped[int | None] = mapped_column()
    """None: agreed with each customer."""
    currency: Mapped[str] = mapped_column(String(3))
    interval: Mapped[Interval] = mapped_column(Choice(Interval))
    max_sites: Mapped[int | None] = mapped_column()
    max_users: Mapped[int | None] = mapped_column()
    storage_gb: Mapped[int | None] = mapped_column()
    apps: Mapped[list[str]] = mapped_column(JSON)
    grace_days: Mapped[int] = mapped_column(default=0)
    """Days between an overdue invoice and the billing hold."""
    retention_days: Mapped[int] = mapped_column(default=0)
    """Days between the end of the subscription and the archive."""
    public: Mapped[bool] = mapped_column(default=True)
    position: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(Moment)

    __mapper_args__ = {"version_id_col": version}

    @property
    def entitlements(self) -> Entitlements:
        """What every subscription to this plan grants."""
        return Entitlements(
            sites=self.max_sites, users=self.max_users, storage_gb=self.storage_gb, apps=tuple(self.apps)
        )
