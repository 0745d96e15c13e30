"""`/health` says that the process lives, `/ready` which of its dependencies do not."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from fastapi import APIRouter, Response
from pydantic import BaseModel

from billing_bridge.api.metrics import Metrics
from billing_bridge.bootstrap import Bridge
from billing_bridge.errors import BridgeError
from billing_bridge.migrations.revision import find_schema_problem

CHECK_SECONDS = 3.0
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Alive(BaseModel):
    status: str = "ok"


class Check(BaseModel):
    """One dependency; `error` says what to look at."""

    ok: bool
    error: str | None = None


class Readiness(BaseModel):
    status: str
    down: list[str]
    checks: dict[str, Check]


def make_router(bridge: Bridge, metrics: Metrics) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/health", summary="Whether the process lives")
    def health() -> Alive:
        return Alive()

    @router.get("/ready", responses={503: {"model": Readiness}}, summary="Whether every dependency answers")
    def ready(response: Response) -> Readiness:
        checks = run_checks(bridge)
        down = [name for name, check in checks.items() if not check.ok]
        response.status_code = 503 if down else 200
        return Readiness(status="down" if down else "ready", down=down, checks=checks)

    @router.get("/metrics", response_class=Response, summary="Figures for Prometheus")
    def metrics_text() -> Response:
        return Response(metrics.render(), media_type=METRICS_TYPE)

    return router


def run_checks(bridge: Bridge) -> dict[str, Check]:
    """Ask every dependency at once; none may take longer than the time limit."""

    def check_database() -> None:
        problem = find_schema_problem(bridge.engine)
        if problem:
            raise SchemaBehind(problem)

    questions: dict[str, Callable[[], None]] = {
        "db": check_database,
        "redis": bridge.doorbell.check,
        "lago": lambda: bridge.lago.check(timeout=CHECK_SECONDS),
        "press": lambda: bridge.press.check(timeout=CHECK_SECONDS),
    }
    pool = ThreadPoolExecutor(max_workers=len(questions))
    try:
        asked = {name: pool.submit(_ask, question) for name, question in questions.items()}
        wait(asked.values(), timeout=CHECK_SECONDS + 1)
        late = Check(ok=False, error="It did not answer in time.")
        return {name: answer.result() if answer.done() else late for name, answer in asked.items()}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class SchemaBehind(BridgeError):
    code = "schema_behind"
    status = 503


def _ask(question: Callable[[], None]) -> Check:
    try:
        question()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a dependency is the answer
        return Check(ok=False, error=f"{type(error).__name__}: {error}"[:300])
    return Check(ok=True)
