"""HTTP doors of the benches; all for operators."""

from collections.abc import Sequence

from fastapi import APIRouter
from sqlalchemy.orm import Session as OrmSession

from press_app.access.dependencies import (
    AgentsDep,
    IdempotencyDep,
    PageDep,
    SettingsDep,
    SubjectDep,
    WorkDep,
    open_uow,
)
from press_app.access.problems import problems
from press_app.benches import service
from press_app.benches.lifecycle import BenchEvent
from press_app.benches.model import Bench
from press_app.benches.schemas import BenchCreate, BenchLog, BenchMove, BenchPage, BenchStats, BenchView
from press_app.jobs import service as jobs
from press_app.kit.locale import Locale

router = APIRouter(prefix="/v1/benches", tags=["benches"])


def _view(session: OrmSession, bench: Bench) -> BenchView:
    return _views(session, [bench])[0]


def _views(session: OrmSession, benches: Sequence[Bench]) -> list[BenchView]:
    open_jobs = jobs.find_open_on(session, [bench.target for bench in benches])
    return [
        BenchView.of(bench, job.id if job else None)
        for bench, job in ((bench, open_jobs.get(bench.target)) for bench in benches)
    ]


@router.post("", status_code=201, operation_id="deploy_bench", responses=problems(401, 403, 404, 409, 422))
def deploy_bench(
    body: BenchCreate, work: WorkDep, settings: SettingsDep, who: SubjectDep, idempotency: IdempotencyDep
) -> BenchView:
    """Plan a bench and begin to deploy it."""
    who.require_operator()

    def make() -> BenchView:
        bench = service.add_bench(
            uow,
            release_id=body.release,
            server_id=body.server_id,
            memory_bytes=body.memory_bytes,
            max_sites=body.max_sites,
            home=Locale.parse(settings.home),
        )
        uow.session.flush()
        return _view(uow.session, bench)

    with open_uow(work, who) as uow:
        return idempotency.run(uow, make)


@router.post("/{bench_id}/moves", operation_id="move_bench", responses=problems(401, 403, 404, 409, 422))
def move_bench(
    bench_id: str, body: BenchMove, work: WorkDep, settings: SettingsDep, who: SubjectDep
) -> BenchView:
    """Deploy again, drain, reopen or retire a bench."""
    who.require_operator()
    with open_uow(work, who) as uow:
        bench = service.get_bench(uow.session, bench_id)
        event = BenchEvent(body.event)
        if event is BenchEvent.DEPLOY:
            service.request_deploy(uow, bench, home=Locale.parse(settings.home))
        elif event is BenchEvent.RETIRE:
            service.request_retire(uow, bench)
        else:
            service.move(uow, bench, event)
        uow.session.flush()
        return _view(uow.session, bench)


@router.get("", operation_id="list_benches", responses=problems(401, 403, 422))
def list_benches(work: WorkDep, who: SubjectDep, page: PageDep) -> BenchPage:
    """All benches."""
    who.require_operator()
    with work.read() as session:
        found = service.list_benches(session, page)
        return BenchPage(items=_views(session, found.items), next_cursor=found.next_cursor)


@router.get("/{bench_id}", operation_id="get_bench", responses=problems(401, 403, 404, 422))
def get_bench(bench_id: str, work: WorkDep, who: SubjectDep) -> BenchView:
    """One bench."""
    who.require_operator()
    with work.read() as session:
        return _view(session, service.get_bench(session, bench_id))


@router.get(
    "/{bench_id}/log",
    operation_id="read_bench_log",
    responses=problems(401, 403, 404, 422, 502, 503),
)
def read_bench_log(bench_id: str, work: WorkDep, who: SubjectDep, agents: AgentsDep) -> BenchLog:
    """The end of what the bench printed, 64 KiB at most, as its host has it now."""
    who.require_operator()
    with work.read() as session:
        address = service.find_address(session, bench_id)
    return BenchLog(bench_id=bench_id, text=agents.read_bench_log(address, bench_id))


@router.get(
    "/{bench_id}/stats",
    operation_id="read_bench_stats",
    responses=problems(401, 403, 404, 422, 502, 503),
)
def read_bench_stats(bench_id: str, work: WorkDep, who: SubjectDep, agents: AgentsDep) -> BenchStats:
    """What the bench takes of its host now."""
    who.require_operator()
    with work.read() as session:
        address = service.find_address(session, bench_id)
    return BenchStats.model_validate(agents.read_bench_stats(address, bench_id))
