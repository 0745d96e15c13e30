"""Close a site for its users; its data stay."""

from enum import StrEnum

from agent.operations import sites
from agent.operations.base import Context, Operation, Step, Urgency, no_result
from agent.operations.params import Line, SiteParams


class SuspendSiteParams(SiteParams):
    """Why stands where people can read it."""

    reason: Line


class Key(StrEnum):
    LOOK = "look"
    SUSPEND = "ensure_suspended"
    CHECK = "check_closed"


def _suspend(context: Context[SuspendSiteParams]) -> bool:
    params = context.params
    return context.engine.ensure_site_suspended(params.bench_id, params.site_id, params.reason)


OPERATION = Operation(
    name="suspend_site",
    params=SuspendSiteParams,
    target="site",
    urgency=Urgency.URGENT,
    purpose="suspend the site",
    steps=(
        Step(key=Key.LOOK, title="Look how the site stands", run=sites.look),
        Step(key=Key.SUSPEND, title="Close the site", run=_suspend, undo=sites.bring_back_state),
        Step(key=Key.CHECK, title="Look whether it is closed", run=sites.check_closed),
    ),
    result=no_result,
)
