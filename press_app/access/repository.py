"""Queries over credentials."""

from datetime import datetime, timedelta

from sqlalchemy import Select, select, update

from press_app.access.model import ApiToken, BrowserSession
from press_app.kit.db import ReadSession, Session
from press_app.teams.model import User

AnySession = Session | ReadSession


def live_sessions_of(user_id: str, now: datetime) -> Select[BrowserSession]:
    return select(BrowserSession).where(
        BrowserSession.user_id == user_id,
        BrowserSession.revoked_at.is_(None),
        BrowserSession.expires_at > now,
    )


def is_known_place(session: AnySession, email: str, ip: str, since: datetime) -> bool:
    """Whether the person of this address signed in from there."""
    query = (
        select(BrowserSession.id)
        .join(User, User.id == BrowserSession.user_id)
        .where(User.email == email, BrowserSession.ip == ip, BrowserSession.created_at > since)
    )
    return session.scalar(query.limit(1)) is not None


def find_live_session(
    session: AnySession, token_sha256: str, now: datetime
) -> tuple[BrowserSession, User] | None:
    row = session.execute(
        select(BrowserSession, User)
        .join(User, User.id == BrowserSession.user_id)
        .where(
            BrowserSession.token_sha256 == token_sha256,
            BrowserSession.revoked_at.is_(None),
            BrowserSession.expires_at > now,
            User.disabled_at.is_(None),
        )
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def find_live_token(session: AnySession, token_sha256: str, now: datetime) -> ApiToken | None:
    return session.scalar(
        select(ApiToken).where(
            ApiToken.token_sha256 == token_sha256,
            ApiToken.revoked_at.is_(None),
            (ApiToken.expires_at.is_(None)) | (ApiToken.expires_at > now),
        )
    )


def live_tokens_of(team_id: str | None) -> Select[ApiToken]:
    owner = ApiToken.team_id.is_(None) if team_id is None else ApiToken.team_id == team_id
    return select(ApiToken).where(owner, ApiToken.revoked_at.is_(None))


def revoke_sessions(session: Session, user_id: str, now: datetime) -> int:
    ended = session.execute(
        update(BrowserSession)
        .where(BrowserSession.user_id == user_id, BrowserSession.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    return int(getattr(ended, "rowcount", 0))


def touch_session(session: Session, session_id: str, now: datetime, every: timedelta) -> None:
    session.execute(
        update(BrowserSession)
        .where(BrowserSession.id == session_id, BrowserSession.last_seen_at < now - every)
        .values(last_seen_at=now)
    )


def touch_token(session: Session, token_id: str, now: datetime, every: timedelta) -> None:
    session.execute(
        update(ApiToken)
        .where(
            ApiToken.id == token_id,
            ApiToken.last_used_at.is_(None) | (ApiToken.last_used_at < now - every),
        )
        .values(last_used_at=now)
    )
