"""The operator API: look into the inbox, replay, see mismatches, reconcile and sync now."""

import hmac
import uuid
from collections.abc import Callable
from typing import Annotated

from asgi_correlation_id import correlation_id
from fastapi import APIRouter, Depends, Path, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from billing_bridge.api.problems import problems
from billing_bridge.api.schemas import (
    Accepted,
    EventDetail,
    EventPage,
    EventView,
    MismatchPage,
    MismatchView,
    Replayed,
    SyncedView,
)
from billing_bridge.bootstrap import Bridge
from billing_bridge.config import Settings
from billing_bridge.errors import Unauthorized
from billing_bridge.inbox.events import EventStatus
from billing_bridge.reconcile.reconciler import NOTE
from billing_bridge.reconcile.ticker import new_reconcile

bearer = HTTPBearer(auto_error=False, description="The token in PRESS_BRIDGE_OPERATOR_TOKEN.")
LARGEST_ID = 2**63 - 1
Cursor = Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="next_cursor of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]
EventId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
ExternalId = Annotated[str, Path(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]


def make_guard(settings: Settings) -> Callable[[HTTPAuthorizationCredentials | None], None]:
    """A dependency that lets only the operator's token pass; without a configured token nobody passes."""
    token = settings.operator_token.get_secret_value() if settings.operator_token else ""

    def guard(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> None:
        given = credentials.credentials if credentials else ""
        if not token or not hmac.compare_digest(given.encode(), token.encode()):
            raise Unauthorized("The operator token is missing or wrong; nothing was shown or changed.")

    return guard


def make_router(bridge: Bridge) -> APIRouter:
    router = APIRouter(
        prefix="/v1",
        tags=["operator"],
        dependencies=[Depends(make_guard(bridge.settings))],
        responses=problems(401, 422, 503),
    )
    _add_inbox(router, bridge)
    _add_comparison(router, bridge)
    return router


def _add_inbox(router: APIRouter, bridge: Bridge) -> None:
    @router.get("/inbox", summary="List events, newest first")
    def list_inbox(status: EventStatus | None = None, cursor: Cursor = None, limit: Limit = 50) -> EventPage:
        events = bridge.store.list_events(status=status, before=cursor, limit=limit)
        more = str(events[-1].id) if len(events) == limit else None
        return EventPage(items=[EventView.of(event) for event in events], next_cursor=more)

    @router.post("/inbox/replay-dead", summary="Replay every dead letter")
    def replay_dead() -> Replayed:
        replayed = bridge.store.replay_dead(now=bridge.clock())
        bridge.doorbell.ring()
        return Replayed(replayed=replayed)

    @router.get("/inbox/{event_id}", responses=problems(404), summary="Show one event with its body")
    def show_event(event_id: EventId) -> EventDetail:
        return EventDetail.of(bridge.store.get(event_id))

    @router.post("/inbox/{event_id}/replay", responses=problems(404, 409), summary="Handle one event again")
    def replay_event(event_id: EventId) -> EventView:
        event = bridge.store.replay(event_id, now=bridge.clock())
        bridge.doorbell.ring()
        return EventView.of(event)


def _add_comparison(router: APIRouter, bridge: Bridge) -> None:
    @router.get("/mismatches", summary="List differences between Lago and the control plane")
    def list_mismatches(*, only_open: bool = False, cursor: Cursor = None, limit: Limit = 50) -> MismatchPage:
        found = bridge.mismatches.list_mismatches(only_open=only_open, before=cursor, limit=limit)
        return MismatchPage(
            items=[MismatchView.of(mismatch) for mismatch in found],
            next_cursor=str(found[-1].id) if len(found) == limit else None,
            last_reconcile=bridge.mismatches.find_note(NOTE),
        )

    @router.post("/reconcile", status_code=202, summary="Compare everything now")
    def reconcile() -> Accepted:
        key = f"reconcile:now:{uuid.uuid4()}"
        event = new_reconcile(key, correlation_id=correlation_id.get())
        bridge.store.insert([event], now=bridge.clock())
        return Accepted(event_id=bridge.store.get_by_key(key).id)

    @router.post(
        "/subscriptions/{external_id}/sync",
        responses=problems(409, 423, 502),
        summary="Read one subscription in Lago and tell the control plane now",
    )
    def sync(external_id: ExternalId) -> SyncedView:
        synced = bridge.synchronizer.sync(
            external_id, purpose="operator's sync", correlation_id=correlation_id.get() or str(uuid.uuid4())
        )
        return SyncedView.of(synced)
