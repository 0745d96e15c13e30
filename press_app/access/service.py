"""Credentials: opening, checking and ending browser sessions and API tokens."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from press_app.access import repository
from press_app.access.errors import ScopeUnknown, SessionUnknown, TokenUnknown, TooManyAttempts
from press_app.access.model import ApiToken, BrowserSession
from press_app.access.rules import OPERATOR, SYSTEM_SCOPES, TEAM_SCOPES
from press_app.access.subject import Subject, SubjectKind
from press_app.kit.crypto import fingerprint, new_token
from press_app.kit.db import ReadSession
from press_app.kit.ids import new_id
from press_app.kit.pagination import Page, PageRequest, read_page
from press_app.kit.throttle import Throttle
from press_app.teams import service as teams
from press_app.teams.errors import PasswordWrong
from press_app.teams.model import Role, User
from press_app.work.unit_of_work import UnitOfWork

Row = TypeVar("Row")

TOKEN_PREFIX = "press"  # noqa: S105 - what a token begins with, not a token
TOUCH_EVERY = timedelta(minutes=1)
PER_ACCOUNT_AND_PLACE = "5/15minutes"
PER_ACCOUNT = "50/hour"
PER_PLACE = "60/15minutes"
PLACE_IS_KNOWN_FOR = timedelta(days=30)
MAX_IP = 64


@dataclass(frozen=True)
class Issued(Generic[Row]):
    """A new credential. ``secret`` is shown once and stored nowhere."""

    row: Row
    secret: str


def check_password(
    session: ReadSession, throttle: Throttle, *, email: str, password: str, ip: str, now: datetime
) -> tuple[User, str | None]:
    """The user and a renewed hash to store, as ``teams.check_password``; failures are counted.

    Raises ``PasswordWrong`` and :class:`TooManyAttempts`. A stranger's failures close the account to the
    stranger's address long before they close it to its owner, and never to a place from which the owner has signed in:
    else fifty guesses an hour, from wherever, would keep him out for as long as they go on.
    """
    address = email.strip().lower()
    account = fingerprint(address)
    limits = [(PER_ACCOUNT_AND_PLACE, ("sign-in", account, ip)), (PER_PLACE, ("sign-in-from", ip))]
    if not repository.is_known_place(session, address, ip[:MAX_IP], now - PLACE_IS_KNOWN_FOR):
        limits.append((PER_ACCOUNT, ("sign-in", account)))
    wait = max(throttle.wait_seconds(limit, *who) for limit, who in limits)
    if wait:
        message = f"Too many failed attempts. Nobody was signed in. Try again in {wait} seconds."
        raise TooManyAttempts(message, retry_after=wait)
    try:
        return teams.check_password(session, email, password)
    except PasswordWrong:
        for limit, who in limits:
            throttle.hit(limit, *who)
        raise


def open_session(
    uow: UnitOfWork,
    user_id: str,
    *,
    lifetime: timedelta,
    ip: str,
    user_agent: str,
    renewed_hash: str | None = None,
) -> Issued[BrowserSession]:
    """A signed-in browser; ``renewed_hash`` comes from :func:`check_password`."""
    if renewed_hash is not None:
        teams.get_user(uow.session, user_id).password_hash = renewed_hash
    secret, now = new_token(TOKEN_PREFIX), uow.now()
    row = BrowserSession(
        id=new_id(),
        token_sha256=fingerprint(secret),
        user_id=user_id,
        ip=ip[:MAX_IP],
        user_agent=user_agent[:255],
        created_at=now,
        expires_at=now + lifetime,
        last_seen_at=now,
    )
    uow.session.add(row)
    return Issued(row, secret)


def close_session(uow: UnitOfWork, session_id: str, *, user_id: str | None) -> None:
    """End one browser session of this user. Raises :class:`SessionUnknown`."""
    row = uow.session.get(BrowserSession, session_id)
    if row is None or row.user_id != user_id:
        message = "You have no such session. Nothing was changed."
        raise SessionUnknown(message)
    row.revoked_at = row.revoked_at or uow.now()


def close_all_sessions(uow: UnitOfWork, user_id: str) -> int:
    """End every browser session of this user. Returns how many."""
    return repository.revoke_sessions(uow.session, user_id, uow.now())


def list_sessions(
    session: ReadSession, user_id: str, now: datetime, request: PageRequest
) -> Page[BrowserSession]:
    """Sessions that still work, newest first."""
    query = repository.live_sessions_of(user_id, now)
    return read_page(session, query, BrowserSession.id, request, newest_first=True)


def create_token(
    uow: UnitOfWork,
    *,
    name: str,
    scopes: Collection[str],
    team_id: str | None = None,
    lifetime: timedelta | None = None,
) -> Issued[ApiToken]:
    """A token of a team, or of the platform where ``team_id`` is None. Raises :class:`ScopeUnknown`."""
    possible = SYSTEM_SCOPES if team_id is None else TEAM_SCOPES
    wrong = sorted(set(scopes) - possible)
    if wrong or not scopes:
        message = (
            f"No such scope: {', '.join(wrong) or '(none given)'}. No token was made. "
            f"Possible: {', '.join(sorted(possible))}."
        )
        raise ScopeUnknown(message, scopes=wrong)
    secret, now = new_token(TOKEN_PREFIX), uow.now()
    row = ApiToken(
        id=new_id(),
        token_sha256=fingerprint(secret),
        team_id=team_id,
        name=name.strip(),
        scopes=sorted(set(scopes)),
        created_by=uow.actor,
        created_at=now,
        expires_at=None if lifetime is None else now + lifetime,
    )
    uow.session.add(row)
    uow.record("token.created", f"token:{row.id}", f"Token '{row.name}' was made.", team_id=team_id)
    return Issued(row, secret)


def list_tokens(session: ReadSession, team_id: str | None, request: PageRequest) -> Page[ApiToken]:
    """Tokens that were not revoked, newest first; ``team_id`` None lists the platform's."""
    return read_page(session, repository.live_tokens_of(team_id), ApiToken.id, request, newest_first=True)


def revoke_token(uow: UnitOfWork, token_id: str, *, team_id: str | None) -> None:
    """Nothing answers to it from the next request on. Raises :class:`TokenUnknown`."""
    row = uow.session.get(ApiToken, token_id)
    if row is None or row.team_id != team_id:
        message = "There is no such token. Nothing was changed."
        raise TokenUnknown(message)
    if row.revoked_at is None:
        row.revoked_at = uow.now()
        uow.record("token.revoked", f"token:{row.id}", f"Token '{row.name}' was revoked.", team_id=team_id)


def find_token_subject(session: ReadSession, secret: str, now: datetime) -> tuple[Subject, bool] | None:
    """Who holds this token, and whether its use should be noted; None when it is not good (any more)."""
    row = repository.find_live_token(session, fingerprint(secret), now)
    if row is None:
        return None
    scopes = frozenset(row.scopes)
    subject = Subject(
        kind=SubjectKind.SYSTEM if row.team_id is None else SubjectKind.TOKEN,
        id=row.id,
        name=row.name,
        # A token stands in for an admin of its team, within its scopes.
        roles={} if row.team_id is None else {row.team_id: Role.ADMIN},
        scopes=scopes,
        is_operator=row.team_id is None and OPERATOR in scopes,
    )
    return subject, row.last_used_at is None or row.last_used_at < now - TOUCH_EVERY


def find_session_subject(session: ReadSession, secret: str, now: datetime) -> tuple[Subject, bool] | None:
    """Who sits at this browser, and whether that should be noted; None when the session is over."""
    found = repository.find_live_session(session, fingerprint(secret), now)
    if found is None:
        return None
    row, user = found
    subject = Subject(
        kind=SubjectKind.USER,
        id=user.id,
        name=user.name,
        user_id=user.id,
        roles=teams.list_roles(session, user.id),
        is_operator=user.is_operator,
        session_id=row.id,
    )
    return subject, row.last_seen_at < now - TOUCH_EVERY


def note_use(uow: UnitOfWork, subject: Subject) -> None:
    """Remember that the credential was used now, to the minute."""
    if subject.session_id is not None:
        repository.touch_session(uow.session, subject.session_id, uow.now(), TOUCH_EVERY)
    elif subject.kind is not SubjectKind.USER:
        repository.touch_token(uow.session, subject.id, uow.now(), TOUCH_EVERY)
