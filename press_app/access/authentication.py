"""From a request to its subject: bearer token or browser cookie, with the guard against foreign pages."""

from urllib.parse import urlsplit

import structlog
from asgi_correlation_id.context import correlation_id
from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError

from press_app.access import service
from press_app.access.errors import CredentialInvalid, CredentialMissing, CrossSiteRefused
from press_app.access.subject import Subject
from press_app.config import Settings
from press_app.errors import PressError
from press_app.work.unit_of_work import Work

log = structlog.get_logger(__name__)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
BEARER = "bearer"


def cookie_name(settings: Settings) -> str:
    """The session cookie; over https the browser itself ties ``__Host-`` cookies to this host."""
    return "__Host-press_session" if settings.public_url.startswith("https://") else "press_session"


def authenticate(request: Request, work: Work, settings: Settings) -> Subject:
    """Who asks. Raises :class:`CredentialMissing`, :class:`CredentialInvalid`, :class:`CrossSiteRefused`."""
    secret = _find_bearer(request)
    by_cookie = secret is None
    if by_cookie:
        secret = request.cookies.get(cookie_name(settings))
    if not secret:
        message = "This needs a signed-in browser or an API token. Nothing was changed. Sign in, or send 'Authorization: Bearer …'."
        raise CredentialMissing(message)
    if by_cookie and request.method not in SAFE_METHODS:
        refuse_foreign_page(request, settings)
    find = service.find_session_subject if by_cookie else service.find_token_subject
    with work.read() as session:
        found = find(session, secret, work.clock.now())
    if found is None:
        message = (
            "The session or token is unknown, has expired or was revoked. Nothing was changed. Sign in again."
        )
        raise CredentialInvalid(message)
    subject, is_note_due = found
    if is_note_due:
        _note_use(work, subject)
    return subject


def refuse_foreign_page(request: Request, settings: Settings) -> None:
    """Let pass only writes that come from our own pages. Raises :class:`CrossSiteRefused`.

    Browsers say where a request comes from by ``Sec-Fetch-Site`` or ``Origin``, and pages cannot forge either.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        good = site in {"same-origin", "none"}
    else:
        good = origin is not None and origin in {_origin(settings.public_url), _origin(str(request.base_url))}
    if not good:
        message = (
            "This request was sent by another site's page, or does not say where it comes from. Nothing was changed. "
            "Use the dashboard, or an API token."
        )
        raise CrossSiteRefused(message)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _find_bearer(request: Request) -> str | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == BEARER else None


def _note_use(work: Work, subject: Subject) -> None:
    """A missed note harms nobody; a request that fails for it would."""
    try:
        with work.begin(actor=subject.actor, correlation_id=correlation_id.get()) as uow:
            service.note_use(uow, subject)
    except (SQLAlchemyError, PressError) as error:
        log.warning("access.use_not_noted", error=type(error).__name__)
