"""Remove what is left of a site that must not exist."""

from enum import StrEnum

from agent.operations import sites
from agent.operations.base import Operation, Step, Urgency, no_result
from agent.operations.params import SiteParams


class DropSiteParams(SiteParams):
    """Which site; an unknown one is gone already."""


class Key(StrEnum):
    DROP = "ensure_dropped"


OPERATION = Operation(
    name="drop_site",
    params=DropSiteParams,
    target="site",
    urgency=Urgency.DEFAULT,
    purpose="remove what is left of the site",
    steps=(
        Step(
            key=Key.DROP,
            title="Remove the site",
            run=sites.drop,
            irreversible=True,
            patience_seconds=sites.DROP_PATIENCE_SECONDS,
        ),
    ),
    result=no_result,
)
