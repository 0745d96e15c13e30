"""Remove what is left of a site that must not exist."""

from enum import StrEnum

from agent.operations.base import Context, Operation, Step, Urgency, no_result
from agent.operations.params import SiteParams


class DropSiteParams(SiteParams):
    """Which site; an unknown one is gone already."""


class Key(StrEnum):
    DROP = "ensure_dropped"


def _drop(context: Context[DropSiteParams]) -> bool:
    return context.engine.ensure_site_dropped(context.params.bench_id, context.params.site_id)


OPERATION = Operation(
    name="drop_site",
    params=DropSiteParams,
    target="site",
    urgency=Urgency.DEFAULT,
    purpose="remove what is left of the site",
    steps=(Step(key=Key.DROP, title="Remove the site", run=_drop, irreversible=True),),
    result=no_result,
)
