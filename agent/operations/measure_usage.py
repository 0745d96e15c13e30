"""Count a site's people and bytes."""

from dataclasses import asdict
from enum import StrEnum
from typing import Any

from agent.operations import sites
from agent.operations.base import Context, Operation, Step, Urgency
from agent.operations.params import SiteParams


class MeasureUsageParams(SiteParams):
    """Which site."""


class Key(StrEnum):
    LOOK = "look"
    MEASURE = "measure"


def _measure(context: Context[MeasureUsageParams]) -> bool:
    usage = context.engine.measure_usage(context.params.bench_id, context.params.site_id)
    context.notes["usage"] = asdict(usage)
    return False


def _result(context: Context[MeasureUsageParams]) -> dict[str, Any]:
    return dict(context.notes["usage"])


OPERATION = Operation(
    name="measure_usage",
    params=MeasureUsageParams,
    target="site",
    urgency=Urgency.DEFAULT,
    purpose="measure the site's usage",
    steps=(
        Step(key=Key.LOOK, title="Look how the site stands", run=sites.look),
        Step(key=Key.MEASURE, title="Count people and bytes", run=_measure),
    ),
    result=_result,
)
