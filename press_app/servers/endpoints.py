"""HTTP doors of the servers; all for operators."""

from collections.abc import Sequence
from typing import cast

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session as OrmSession

from press_app.access.dependencies import IdempotencyDep, PageDep, SettingsDep, SubjectDep, WorkDep, open_uow
from press_app.access.problems import problems
from press_app.servers import service
from press_app.servers.lifecycle import ServerEvent
from press_app.servers.model import Server
from press_app.servers.schemas import (
    ServerCreate,
    ServerCreated,
    ServerEnrol,
    ServerMove,
    ServerPage,
    ServerView,
)
from press_app.work.unit_of_work import Work

router = APIRouter(prefix="/v1/servers", tags=["servers"])


def _view(work: Work, session: OrmSession, server: Server) -> ServerView:
    return _views(work, session, [server])[0]


def _views(work: Work, session: OrmSession, servers: Sequence[Server]) -> list[ServerView]:
    feeds = service.find_feeds(session, [server.id for server in servers])
    now = work.clock.now()
    return [
        ServerView.of(server, feed, is_quiet=service.is_quiet(feed, now))
        for server, feed in ((server, feeds.get(server.id)) for server in servers)
    ]


@router.post("", status_code=201, operation_id="add_server", responses=problems(401, 403, 409, 422))
def add_server(
    body: ServerCreate,
    request: Request,
    work: WorkDep,
    settings: SettingsDep,
    who: SubjectDep,
    idempotency: IdempotencyDep,
) -> ServerCreated:
    """Add a server. Its agent is enrolled next, with what comes back here."""
    who.require_operator()
    public_key = cast("str", request.app.state.agent_public_key)

    def make() -> ServerCreated:
        server = service.add_server(uow, name=body.name)
        view = _view(work, uow.session, server)
        return ServerCreated(
            **view.model_dump(), control_plane_url=settings.public_url, control_plane_public_key=public_key
        )

    with open_uow(work, who) as uow:
        return idempotency.run(uow, make)


@router.put(
    "/{server_id}/enrolment", operation_id="enroll_server", responses=problems(401, 403, 404, 409, 422)
)
def enroll_server(server_id: str, body: ServerEnrol, work: WorkDep, who: SubjectDep) -> ServerView:
    """Store the agent's address and public key."""
    who.require_operator()
    with open_uow(work, who) as uow:
        server = service.enroll(uow, server_id, url=body.url, agent_key=body.public_key)
        return _view(work, uow.session, server)


@router.post("/{server_id}/moves", operation_id="move_server", responses=problems(401, 403, 404, 409, 422))
def move_server(server_id: str, body: ServerMove, work: WorkDep, who: SubjectDep) -> ServerView:
    """Drain, reopen or retire a server."""
    who.require_operator()
    with open_uow(work, who) as uow:
        return _view(work, uow.session, service.move(uow, server_id, ServerEvent(body.event)))


@router.get("", operation_id="list_servers", responses=problems(401, 403, 422))
def list_servers(work: WorkDep, who: SubjectDep, page: PageDep) -> ServerPage:
    """All servers."""
    who.require_operator()
    with work.read() as session:
        found = service.list_servers(session, page)
        return ServerPage(items=_views(work, session, found.items), next_cursor=found.next_cursor)


@router.get("/{server_id}", operation_id="get_server", responses=problems(401, 403, 404, 422))
def get_server(server_id: str, work: WorkDep, who: SubjectDep) -> ServerView:
    """One server."""
    who.require_operator()
    with work.read() as session:
        return _view(work, session, service.get_server(session, server_id))
