"""Stop a bench that has no sites any more."""

from enum import StrEnum

from agent.engines.errors import BenchUnknown
from agent.operations.base import Context, Operation, Step, Urgency, no_result
from agent.operations.errors import BenchNotEmpty
from agent.operations.params import Params


class RetireBenchParams(Params):
    """Which bench."""


class Key(StrEnum):
    CHECK = "check_empty"
    STOP = "ensure_stopped"
    FORGET = "ensure_forgotten"


def _check(context: Context[RetireBenchParams]) -> bool:
    try:
        left = context.engine.list_sites(context.params.bench_id)
    except BenchUnknown:
        return False
    if left:
        raise BenchNotEmpty(
            f"{len(left)} sites are on the bench; nothing was touched. Move or archive them first.",
            sites=[site.site_id for site in left],
        )
    return False


def _stop(context: Context[RetireBenchParams]) -> bool:
    try:
        return context.engine.ensure_bench_stopped(context.params.bench_id)
    except BenchUnknown:
        return False


def _forget(context: Context[RetireBenchParams]) -> bool:
    return context.host.engines.forget(context.params.bench_id)


OPERATION = Operation(
    name="retire_bench",
    params=RetireBenchParams,
    target="bench",
    urgency=Urgency.DEFAULT,
    purpose="retire the bench",
    excludes_sites=True,
    steps=(
        Step(key=Key.CHECK, title="Look whether sites are left", run=_check),
        Step(key=Key.STOP, title="Stop the bench", run=_stop, irreversible=True),
        Step(key=Key.FORGET, title="Forget the bench", run=_forget, irreversible=True),
    ),
    result=no_result,
)
