"""HTTP doors for people: signing in and out, and who I am."""

from datetime import datetime, timedelta
from typing import Annotated, Self

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from press_app.access import service
from press_app.access.authentication import cookie_name, refuse_foreign_page
from press_app.access.dependencies import (
    PageDep,
    SettingsDep,
    SubjectDep,
    ThrottleDep,
    WorkDep,
    open_uow,
)
from press_app.access.errors import PeopleOnly
from press_app.access.model import BrowserSession
from press_app.access.problems import problems
from press_app.access.rules import ROLE_ALLOWS
from press_app.access.subject import Subject
from press_app.api.fields import Id
from press_app.api.middleware import client_address
from press_app.config import Settings
from press_app.kit.pagination import PageView
from press_app.teams import service as teams
from press_app.teams.model import Role

router = APIRouter(tags=["accounts"])


class SignIn(BaseModel):
    """A local account."""

    model_config = ConfigDict(extra="forbid")

    email: Annotated[str, Field(min_length=3, max_length=190)]
    password: Annotated[SecretStr, Field(max_length=200)]


class SessionView(BaseModel):
    """A signed-in browser."""

    id: str
    ip: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    is_current: bool = False

    @classmethod
    def of(cls, row: BrowserSession, current: str | None) -> Self:
        view = cls.model_validate(row, from_attributes=True)
        return view.model_copy(update={"is_current": row.id == current})


class MyTeam(BaseModel):
    """A team I am in."""

    id: str
    name: str
    role: Role
    allows: list[str]


class MeView(BaseModel):
    """Who asks, and what he may do where."""

    kind: str
    id: str
    name: str
    email: str | None
    language: str | None
    is_operator: bool
    scopes: list[str] | None = Field(description="What a token is limited to; null for people.")
    teams: list[MyTeam]


@router.post("/v1/sessions", status_code=201, operation_id="sign_in", responses=problems(401, 403, 422, 429))
def sign_in(
    form: SignIn,
    request: Request,
    response: Response,
    work: WorkDep,
    settings: SettingsDep,
    throttle: ThrottleDep,
) -> SessionView:
    """Sign a browser in; the answer sets the session cookie."""
    if "sec-fetch-site" in request.headers or "origin" in request.headers:
        refuse_foreign_page(request, settings)
    ip = client_address(request.scope)
    with work.read() as session:
        user, renewed = service.check_password(
            session,
            throttle,
            email=form.email,
            password=form.password.get_secret_value(),
            ip=ip,
            now=work.clock.now(),
        )
    request.state.actor = f"user:{user.id}"
    with work.begin(actor=request.state.actor) as uow:
        issued = service.open_session(
            uow,
            user.id,
            lifetime=timedelta(hours=settings.session_hours),
            ip=ip,
            user_agent=request.headers.get("user-agent", ""),
            renewed_hash=renewed,
        )
    _set_cookie(response, settings, issued.secret, seconds=settings.session_hours * 3600)
    return SessionView.of(issued.row, issued.row.id)


def _set_cookie(response: Response, settings: Settings, secret: str, *, seconds: int) -> None:
    response.set_cookie(
        cookie_name(settings),
        secret,
        max_age=seconds,
        path="/",
        secure=settings.public_url.startswith("https://"),
        httponly=True,
        samesite="lax",
    )


@router.get("/v1/sessions", operation_id="list_sessions", responses=problems(401, 403, 422))
def list_sessions(work: WorkDep, who: SubjectDep, page: PageDep) -> PageView[SessionView]:
    """Where I am signed in, newest first."""
    user_id = require_person(who)
    with work.read() as session:
        found = service.list_sessions(session, user_id, work.clock.now(), page)
        return PageView[SessionView].of(found, lambda row: SessionView.of(row, who.session_id))


@router.delete(
    "/v1/sessions/current", status_code=204, operation_id="sign_out", responses=problems(401, 403, 404)
)
def sign_out(response: Response, work: WorkDep, settings: SettingsDep, who: SubjectDep) -> None:
    """Sign this browser out."""
    user_id = require_person(who)
    with open_uow(work, who) as uow:
        service.close_session(uow, who.session_id or "", user_id=user_id)
    _set_cookie(response, settings, "", seconds=0)


@router.delete(
    "/v1/sessions/{session_id}",
    status_code=204,
    operation_id="end_session",
    responses=problems(401, 403, 404, 422),
)
def end_session(session_id: Id, work: WorkDep, who: SubjectDep) -> None:
    """Sign another of my browsers out."""
    user_id = require_person(who)
    with open_uow(work, who) as uow:
        service.close_session(uow, session_id, user_id=user_id)


@router.get("/v1/me", operation_id="get_me", responses=problems(401))
def get_me(work: WorkDep, who: SubjectDep) -> MeView:
    """Who I am, and what I may do in which team."""
    with work.read() as session:
        user = teams.get_user(session, who.user_id) if who.user_id else None
        mine = teams.find_teams(session, list(who.roles))
    return MeView(
        kind=who.kind.value,
        id=who.id,
        name=who.name,
        email=user.email if user else None,
        language=user.language if user else None,
        is_operator=who.is_operator,
        scopes=None if who.scopes is None else sorted(who.scopes),
        teams=[
            MyTeam(
                id=team.id,
                name=team.name,
                role=who.roles[team.id],
                allows=sorted(
                    action.value for action in ROLE_ALLOWS[who.roles[team.id]] if who.can(team.id, action)
                ),
            )
            for team in mine
        ],
    )


def require_person(who: Subject) -> str:
    """The user's id. Raises :class:`PeopleOnly` for tokens."""
    if who.user_id is None:
        message = "Tokens have no browser sessions. Nothing was changed. Use a signed-in browser."
        raise PeopleOnly(message)
    return who.user_id
