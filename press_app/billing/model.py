"""Rows of subscriptions as the bridge saw them in Lago."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from press_app.kit.db import ID, Base, Choice, Exact, Moment
from press_app.plans.rules import Entitlements


class WantedState(StrEnum):
    """What Lago's truth asks for."""

    RUN = "run"
    HOLD = "hold"
    END = "end"


class Subscription(Base):
    """One external id in Lago, through all its generations."""

    __tablename__ = "subscription"
    __table_args__ = (
        Index("ix_subscription_team_id_id", "team_id", "id"),
        Index("ix_subscription_wanted_ended_at", "wanted", "ended_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    external_id: Mapped[str] = mapped_column(Exact(190), unique=True)
    team_id: Mapped[str] = mapped_column(ForeignKey("team.id"))
    plan_code: Mapped[str] = mapped_column(Exact(64))
    name: Mapped[str | None] = mapped_column(String(190))
    """The site name that the customer asked for."""
    wanted: Mapped[WantedState] = mapped_column(Choice(WantedState))
    reason: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    override: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """Entitlements that replace the plan's, or None."""
    lago_id: Mapped[str | None] = mapped_column(String(64))
    observed_at: Mapped[datetime] = mapped_column(Moment)
    """When Lago was read; older readings change nothing."""
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    archive_confirmed_at: Mapped[datetime | None] = mapped_column(Moment)
    """An operator said that this ending is meant."""
    superseded_at: Mapped[datetime | None] = mapped_column(Moment)
    """Another customer bought the id since; this row stands under a name of its own."""
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Moment)

    __mapper_args__ = {"version_id_col": version}

    def granted(self, plan: Entitlements) -> Entitlements:
        """What counts for this subscription."""
        if self.override is None:
            return plan
        apps = self.override.get("apps")
        return Entitlements(
            sites=self.override.get("sites"),
            users=self.override.get("users"),
            storage_gb=self.override.get("storage_gb"),
            apps=None if apps is None else tuple(apps),
        )


class Coverage(Base):
    """Which subscription a site lives on."""

    __tablename__ = "coverage"

    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    subscription_id: Mapped[str | None] = mapped_column(ForeignKey("subscription.id"), index=True)
    """None: on an operator's word."""
    on_word: Mapped[bool] = mapped_column(default=False)
    """An operator lets it run although its subscription does not; until the subscription runs again."""
    is_ended: Mapped[bool] = mapped_column(default=False)
    """Archived because the subscription ended; comes back when it runs again."""


class TerminationGuard(Base):
    """One row while too many subscriptions ended at once: nothing is archived until an operator has looked."""

    __tablename__ = "termination_guard"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    tripped_at: Mapped[datetime] = mapped_column(Moment)
    count: Mapped[int] = mapped_column(Integer)
