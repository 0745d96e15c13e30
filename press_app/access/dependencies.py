"""What endpoints take from a request: work, settings, the subject, a page, an idempotency key."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar, cast

from asgi_correlation_id.context import correlation_id
from fastapi import Depends, Header, Query, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from pydantic import BaseModel

from press_app.access.authentication import authenticate
from press_app.access.errors import TooManyRequests
from press_app.access.subject import Subject, SubjectKind
from press_app.agents.port import Agents
from press_app.config import Settings
from press_app.kit.pagination import MAX_LIMIT, PageRequest
from press_app.kit.throttle import Throttle
from press_app.work import idempotency
from press_app.work.unit_of_work import UnitOfWork, Work

View = TypeVar("View", bound=BaseModel)

KEY_PATTERN = r"^[\x21-\x7e]{1,190}$"

_bearer = HTTPBearer(auto_error=False, description="An API token, or the platform's own.")
_cookie = APIKeyCookie(name="press_session", auto_error=False, description="A signed-in browser.")


def get_work(request: Request) -> Work:
    return cast("Work", request.app.state.work)


def get_settings(request: Request) -> Settings:
    return cast("Settings", request.app.state.settings)


def get_throttle(request: Request) -> Throttle:
    """Counts for all processes together."""
    return cast("Throttle", request.app.state.throttle)


def get_local_throttle(request: Request) -> Throttle:
    """Counts for this process alone, in memory: cheap enough for each request."""
    return cast("Throttle", request.app.state.local_throttle)


def get_agents(request: Request) -> Agents:
    """The hosts, for what is only read; what changes something is a job."""
    return cast("Agents", request.app.state.agents)


WorkDep = Annotated[Work, Depends(get_work)]
AgentsDep = Annotated[Agents, Depends(get_agents)]
SettingsDep = Annotated[Settings, Depends(get_settings)]
ThrottleDep = Annotated[Throttle, Depends(get_throttle)]
LocalThrottleDep = Annotated[Throttle, Depends(get_local_throttle)]


def get_subject(
    request: Request,
    work: WorkDep,
    settings: SettingsDep,
    local: LocalThrottleDep,
    _token: Annotated[object, Security(_bearer)],
    _session: Annotated[object, Security(_cookie)],
) -> Subject:
    """The schemes are declared for the OpenAPI page; :func:`authenticate` reads the request itself."""
    subject = authenticate(request, work, settings)
    request.state.actor = subject.actor
    limit = f"{settings.requests_per_minute}/minute"
    if subject.kind is not SubjectKind.SYSTEM and not local.hit(limit, subject.actor):
        message = "Too many requests. Nothing was changed. Try again in a minute."
        raise TooManyRequests(message, retry_after=60)
    return subject


SubjectDep = Annotated[Subject, Depends(get_subject)]


def open_uow(work: Work, who: Subject) -> UnitOfWork:
    """The one transaction of a request; use it as a context manager inside the endpoint."""
    return work.begin(actor=who.actor, correlation_id=correlation_id.get())


def get_page(
    cursor: Annotated[
        str | None, Query(max_length=500, description="`next_cursor` of the page before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
) -> PageRequest:
    return PageRequest(cursor=cursor, limit=limit)


PageDep = Annotated[PageRequest, Depends(get_page)]


class Replayed(Exception):
    """The request was answered before; the API gives that answer again."""

    def __init__(self, status: int, answer: dict[str, object]) -> None:
        super().__init__(status)
        self.status = status
        self.answer = answer


@dataclass(frozen=True)
class Idempotency:
    """The idempotency key of a request, or None."""

    key: str | None
    actor: str
    request_sha256: str
    status: int

    def run(
        self, uow: UnitOfWork, make: Callable[[], View], *, keep: Callable[[View], View] = lambda view: view
    ) -> View:
        """Make the thing and its answer once for each key.

        ``keep`` takes out of the stored answer what may be shown only once. The second time the stored answer is
        given through :class:`Replayed`, which rolls the empty transaction back.
        """
        if self.key is None:
            return make()
        row, is_new = idempotency.claim(
            uow, actor=self.actor, key=self.key, request_sha256=self.request_sha256
        )
        if not is_new:
            raise Replayed(row.status or self.status, row.answer or {})
        view = make()
        idempotency.store(uow, row.id, status=self.status, answer=keep(view).model_dump(mode="json"))
        return view


async def get_idempotency(
    request: Request,
    who: SubjectDep,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            pattern=KEY_PATTERN,
            description="The same key again within a day gets the same answer, and nothing is made twice.",
        ),
    ] = None,
) -> Idempotency:
    head = f"{request.method}\n{request.url.path}?{request.url.query}\n".encode()
    digest = hashlib.sha256(head + await request.body()).hexdigest()
    status = getattr(request.scope.get("route"), "status_code", None) or 200
    return Idempotency(key=key, actor=who.actor, request_sha256=digest, status=status)


IdempotencyDep = Annotated[Idempotency, Depends(get_idempotency)]

__all__ = [
    "Idempotency",
    "IdempotencyDep",
    "PageDep",
    "Replayed",
    "SettingsDep",
    "Subject",
    "SubjectDep",
    "ThrottleDep",
    "WorkDep",
    "open_uow",
]
