"""The FastAPI application, with the reporter, the sweep and the look at the backup store beside it."""

import re
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from agent import __version__
from agent.api import jobs, problems, status
from agent.api.limits import MAX_BODY_BYTES, LengthGate
from agent.api.metrics import make_registry
from agent.api.security import Guard
from agent.bootstrap import Agent

CORRELATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
STOP_SECONDS = 5.0


def create_app(agent: Agent, *, beside: bool = True) -> FastAPI:
    """Make the application; ``beside=False`` leaves reporter, sweep and the look at the store to others."""
    background = (agent.make_reporter().run, agent.make_sweep().run, agent.store_watch.run) if beside else ()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        stopping = threading.Event()
        threads = [_start(run, stopping) for run in background]
        yield
        stopping.set()
        agent.doorbell.wake_reporter(at_once=True)
        for thread in threads:
            thread.join(STOP_SECONDS)

    app = FastAPI(
        title="Press host agent",
        version=__version__,
        lifespan=lifespan,
        strict_content_type=False,
        # The pages that come with FastAPI load their scripts from a foreign host.
        docs_url=None,
        redoc_url=None,
    )
    app.state.agent = agent
    app.state.service = agent.make_service()
    app.state.registry, refused = make_registry(agent.ledger)
    app.state.guard = Guard(agent, lambda code: refused.labels(code).inc())
    problems.install(app)
    app.include_router(jobs.router)
    app.include_router(status.router)
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY_BYTES)
    app.add_middleware(LengthGate)
    app.add_middleware(
        CorrelationIdMiddleware,
        header_name="X-Correlation-ID",
        validator=lambda value: CORRELATION_ID.fullmatch(value) is not None,
    )
    return app


def _start(run: Callable[[threading.Event], None], stopping: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=run, args=(stopping,), daemon=True)
    thread.start()
    return thread
