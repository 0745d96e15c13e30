"""Rows of people, teams, and who is what in which."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from press_app.kit.db import ID, Base, Choice, Exact, Moment
from press_app.teams.rules import Role

__all__ = ["Membership", "Role", "Team", "User"]


class User(Base):
    """A person. Without password hash he cannot sign in with a local account."""

    __tablename__ = "user"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    email: Mapped[str] = mapped_column(Exact(190), unique=True)
    """Trimmed and lower case."""
    name: Mapped[str] = mapped_column(String(190))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    is_operator: Mapped[bool] = mapped_column(default=False)
    language: Mapped[str] = mapped_column(String(8), default="en")
    created_at: Mapped[datetime] = mapped_column(Moment)
    disabled_at: Mapped[datetime | None] = mapped_column(Moment)


class Team(Base):
    """Who owns sites and pays for them."""

    __tablename__ = "team"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str] = mapped_column(String(190))
    customer_ref: Mapped[str | None] = mapped_column(Exact(190), unique=True)
    """The customer's external id in Lago; None before anything was bought."""
    created_at: Mapped[datetime] = mapped_column(Moment)


class Membership(Base):
    """Somebody is something in a team."""

    __tablename__ = "membership"

    team_id: Mapped[str] = mapped_column(ID, ForeignKey("team.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ID, ForeignKey("user.id"), primary_key=True, index=True)
    role: Mapped[Role] = mapped_column(Choice(Role))
    created_at: Mapped[datetime] = mapped_column(Moment)
