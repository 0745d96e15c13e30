"""Queries over people and teams."""

from sqlalchemy import Select, select

from press_app.kit.db import ReadSession, Session
from press_app.teams.model import Membership, Role, Team, User

AnySession = Session | ReadSession


def find_user_by_email(session: AnySession, email: str) -> User | None:
    return session.scalar(select(User).where(User.email == email))


def find_team_by_customer(session: AnySession, customer_ref: str) -> Team | None:
    return session.scalar(select(Team).where(Team.customer_ref == customer_ref))


def find_roles(session: AnySession, user_id: str) -> dict[str, Role]:
    rows = session.execute(
        select(Membership.team_id, Membership.role).where(Membership.user_id == user_id)
    ).all()
    return {row.team_id: row.role for row in rows}


def count_other_owners(session: AnySession, team_id: str, user_id: str) -> int:
    """Owners beside ``user_id``; their rows are locked, so that two owners cannot remove each other at once."""
    owners = session.scalars(
        select(Membership.user_id)
        .where(Membership.team_id == team_id, Membership.role == Role.OWNER)
        .with_for_update()
    )
    return sum(owner != user_id for owner in owners)


def members_of(team_id: str) -> Select[Membership]:
    return select(Membership).where(Membership.team_id == team_id)


def find_users(session: AnySession, ids: list[str]) -> dict[str, User]:
    return {user.id: user for user in session.scalars(select(User).where(User.id.in_(ids)))}


def teams_of(team_ids: list[str] | None) -> Select[Team]:
    query = select(Team)
    return query if team_ids is None else query.where(Team.id.in_(team_ids))


def find_owner_email(session: AnySession, team_id: str) -> str | None:
    return session.scalar(
        select(User.email)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.team_id == team_id, Membership.role == Role.OWNER)
        .order_by(Membership.created_at, User.id)
        .limit(1)
    )
