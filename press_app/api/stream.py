"""The live stream of what happens: ``GET /v1/events`` as server-sent events."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Self

import anyio.to_thread
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import format_sse_event
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import StreamingResponse

from press_app.access.authentication import authenticate
from press_app.access.dependencies import SubjectDep
from press_app.access.errors import TooManyRequests
from press_app.access.problems import problems
from press_app.access.rules import Permission
from press_app.access.subject import Subject
from press_app.api.watch import KEPT, JournalWatch
from press_app.errors import PressError
from press_app.work.model import JournalRow

STREAMS_OF_ONE = 20
MAX_ID = 2**62
CHECK_SECONDS = 4.0
"""So often a quiet stream asks whether its caller may still listen, and shows that it lives."""

router = APIRouter(prefix="/v1/events", tags=["events"])


class EventView(BaseModel):
    """One line of the journal."""

    id: int
    at: datetime
    kind: str
    subject: str
    team_id: str | None
    actor: str
    message: str
    data: dict[str, Any]
    correlation_id: str

    @classmethod
    def of(cls, row: JournalRow) -> Self:
        return cls.model_validate(row, from_attributes=True)


class StreamCounter:
    """How many streams each caller has open in this process."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextmanager
    def one_of(self, actor: str) -> Iterator[None]:
        self._open[actor] += 1
        try:
            yield
        finally:
            self._open[actor] -= 1
            if not self._open[actor]:
                del self._open[actor]

    def check(self, actor: str) -> None:
        """Raises :class:`TooManyRequests`."""
        if self._open[actor] >= STREAMS_OF_ONE:
            message = f"You have {STREAMS_OF_ONE} streams open. No other was opened. Close one of them."
            raise TooManyRequests(message, retry_after=5)


class EventsResponse(StreamingResponse):
    """Server-sent events. FastAPI's own response reports every listener who goes away as a failure."""

    media_type = "text/event-stream"


class EventStream:
    """One open stream: settled lines, heartbeats, and a caller who is asked for again and again."""

    def __init__(self, request: Request, who: Subject, *, start: int | None, subject: str | None) -> None:
        state = request.app.state
        self._request = request
        self._who: Subject | None = who
        self._watch: JournalWatch = state.watch
        self._counter: StreamCounter = state.streams
        self._seconds: float = state.settings.stream_seconds
        self._start = start
        self._subject = subject
        self._checked = time.monotonic()
        # Refused before the answer begins; afterwards nobody could be told.
        self._counter.check(who.actor)
        who.team_ids(Permission.SITES_READ)

    async def run(self) -> AsyncIterator[bytes]:
        """The stream's text, until its time is over or the caller may not listen any more."""
        ends = time.monotonic() + self._seconds
        actor = self._who.actor if self._who else ""
        with self._counter.one_of(actor):
            async with self._watch.listening():
                end = self._watch.horizon
                # An id from far beyond the end is nobody's cursor (another database's, perhaps).
                cursor = end if self._start is None or self._start > end + KEPT else self._start
                yield format_sse_event(comment="open", id=str(cursor), retry=1000)
                while self._who is not None and time.monotonic() < ends:
                    team_ids = self._who.team_ids(Permission.SITES_READ)
                    rows, cursor = await self._watch.read(cursor, team_ids=team_ids, subject=self._subject)
                    for row in rows:
                        data = EventView.of(row).model_dump_json()
                        yield format_sse_event(data_str=data, event=row.kind, id=str(row.id))
                    if cursor >= self._watch.horizon:
                        await self._watch.wait(min(CHECK_SECONDS, max(0.0, ends - time.monotonic())))
                    if await self._is_checked_again():
                        yield format_sse_event(comment="still here", id=str(cursor))

    async def _is_checked_again(self) -> bool:
        if time.monotonic() - self._checked < CHECK_SECONDS:
            return False
        self._who = await anyio.to_thread.run_sync(self._find_caller)
        self._checked = time.monotonic()
        return True

    def _find_caller(self) -> Subject | None:
        state = self._request.app.state
        try:
            caller = authenticate(self._request, state.work, state.settings)
            caller.team_ids(Permission.SITES_READ)
        except PressError:
            return None
        except SQLAlchemyError:
            return self._who  # a database that is away proves nothing about the caller
        return caller


async def get_stream(
    request: Request,
    who: SubjectDep,
    after: Annotated[
        int | None, Query(ge=0, le=MAX_ID, description="Start after this id; absent: from now.")
    ] = None,
    subject: Annotated[
        str | None, Query(max_length=64, description="Only this one: `site:<id>`, `job:<id>`.")
    ] = None,
    last_event_id: Annotated[
        int | None, Header(ge=0, le=MAX_ID, description="Sent by browsers when they come back.")
    ] = None,
) -> EventStream:
    start = last_event_id if last_event_id is not None else after
    return EventStream(request, who, start=start, subject=subject)


@router.get(
    "",
    operation_id="stream_events",
    response_class=EventsResponse,
    responses={200: {"description": "Events, whose data is an `EventView`."}, **problems(401, 403, 422)},
)
async def stream_events(stream: Annotated[EventStream, Depends(get_stream)]) -> EventsResponse:
    """What happens to the sites of your teams, as it happens.

    The event's name is its `kind`, its id a cursor. The stream ends now and then: come back with `Last-Event-ID`.
    """
    return EventsResponse(stream.run(), headers={"X-Accel-Buffering": "no"})
