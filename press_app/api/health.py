"""Whether this process lives, and whether all it needs answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from redis.exceptions import RedisError
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from press_app.edge.port import Edge
from press_app.errors import PressError
from press_app.servers.lifecycle import ServerStatus
from press_app.servers.model import Server, ServerFeed
from press_app.servers.service import QUIET_AFTER
from press_app.work import ticker
from press_app.work.unit_of_work import Work

log = structlog.get_logger(__name__)

router = APIRouter(tags=["health"])


class CheckState(StrEnum):
    """What a check found."""

    OK = "ok"
    DEGRADED = "degraded"
    """Something is missing, but requests can be answered."""
    DOWN = "down"


class CheckFailed(Exception):
    """Raised by a probe; the text is shown to everybody, so it holds no secret and no address."""


@dataclass(frozen=True)
class Check:
    """One dependency. A failed check that is not required only degrades."""

    name: str
    probe: Callable[[], None]
    is_required: bool


class CheckView(BaseModel):
    """One dependency and how it is."""

    name: str
    state: CheckState
    detail: str | None = None


class HealthView(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class ReadyView(BaseModel):
    """``down`` names what must be repaired first."""

    status: CheckState
    checks: list[CheckView]


@router.get("/health", operation_id="get_health")
async def get_health() -> HealthView:
    """The process lives. Nothing else is asked."""
    return HealthView()


@router.get("/ready", operation_id="get_readiness", responses={503: {"model": ReadyView}})
def get_readiness(request: Request, response: Response) -> ReadyView:
    """Whether everything that is needed answers; 503 names what is down."""
    views = [run_check(check) for check in request.app.state.checks]
    states = {view.state for view in views}
    worst = next((s for s in (CheckState.DOWN, CheckState.DEGRADED) if s in states), CheckState.OK)
    if worst is CheckState.DOWN:
        response.status_code = 503
    return ReadyView(status=worst, checks=views)


def run_check(check: Check) -> CheckView:
    """A probe that fails in any way is a finding, never an error of this endpoint."""
    try:
        check.probe()
    except (CheckFailed, PressError) as error:
        detail = str(error)
    except (SQLAlchemyError, RedisError, OSError) as error:
        log.warning("ready.down", check=check.name, error=str(error))
        detail = "It does not answer."
    else:
        return CheckView(name=check.name, state=CheckState.OK)
    state = CheckState.DOWN if check.is_required else CheckState.DEGRADED
    return CheckView(name=check.name, state=state, detail=detail)


def list_checks(work: Work, edge: Edge, *, edge_hostname: str) -> Sequence[Check]:
    """The control plane's dependencies. Without Redis work still gets done by the sweep, later."""
    return (
        Check("database", lambda: probe_database(work), is_required=True),
        Check("redis", lambda: probe_redis(work.bell), is_required=True),
        Check("edge", lambda: probe_edge(edge, edge_hostname), is_required=False),
        Check("agents", lambda: probe_agents(work), is_required=False),
        Check("clock", lambda: probe_clock(work), is_required=False),
    )


def probe_database(work: Work) -> None:
    with work.read() as session:
        session.execute(text("SELECT 1"))


def probe_redis(bell: object) -> None:
    """A bell without ``ping`` has nothing behind it that could be away."""
    ping = getattr(bell, "ping", None)
    if ping is not None:
        ping()


def probe_edge(edge: Edge, hostname: str) -> None:
    if edge.probe(hostname) == 0:
        message = "The edge does not answer; sites cannot be reached from outside."
        raise CheckFailed(message)


def probe_clock(work: Work) -> None:
    """Raises when no worker with a clock said for two minutes that all its looks go well."""
    with work.read() as session:
        silence = ticker.measure_silence(session, work.clock.now())
    if silence is None or silence > ticker.SILENT_AFTER:
        message = "The clock stands still: nothing scheduled is done. Start 'press run worker --tick', or read its log."
        raise CheckFailed(message)


def probe_agents(work: Work) -> None:
    """Raises when a server that should work has not been heard for a minute."""
    with work.read() as session:
        rows = session.execute(
            select(Server.name, ServerFeed.heard_at)
            .join(ServerFeed, ServerFeed.server_id == Server.id, isouter=True)
            .where(Server.status.in_((ServerStatus.ACTIVE, ServerStatus.DRAINING)))
        ).all()
    border = work.clock.now() - QUIET_AFTER
    silent = sum(heard_at is None or heard_at < border for _, heard_at in rows)
    if silent:
        message = f"{silent} of {len(rows)} agents have not been heard for a minute; 'press server list' names them."
        raise CheckFailed(message)
