"""Open a suspended site again and see it answer."""

from enum import StrEnum

from agent.operations import sites
from agent.operations.base import Context, Operation, Step, Urgency, no_result
from agent.operations.params import SiteParams


class ResumeSiteParams(SiteParams):
    """Which site."""


class Key(StrEnum):
    LOOK = "look"
    RESUME = "ensure_resumed"
    PROBE = "probe"


def _resume(context: Context[ResumeSiteParams]) -> bool:
    return context.engine.ensure_site_resumed(context.params.bench_id, context.params.site_id)


OPERATION = Operation(
    name="resume_site",
    params=ResumeSiteParams,
    target="site",
    urgency=Urgency.URGENT,
    purpose="resume the site",
    steps=(
        Step(key=Key.LOOK, title="Look how the site stands", run=sites.look_at_whole),
        Step(key=Key.RESUME, title="Open the site", run=_resume, undo=sites.bring_back_state),
        Step(
            key=Key.PROBE,
            title="Ask for the site as a browser would",
            run=sites.probe,
            patience_seconds=sites.PROBE_PATIENCE_SECONDS,
        ),
    ),
    result=no_result,
)
