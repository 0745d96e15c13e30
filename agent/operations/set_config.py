"""Set the settings of a site that its engine lets tenants set."""

from enum import StrEnum

from agent.operations import changes, sites
from agent.operations.base import Context, Operation, Step, Urgency, no_result
from agent.operations.params import Config, SiteParams


class SetConfigParams(SiteParams):
    """Which site, and all the settings that it shall have; what was set before and is not named goes."""

    config: Config


class Key(StrEnum):
    LOOK = "look"
    CONFIG = "ensure_config"
    PROBE = "probe"


def _look(context: Context[SetConfigParams]) -> bool:
    params = context.params
    changes.look(context)
    context.notes["config"] = dict(context.engine.find_config(params.bench_id, params.site_id))
    return False


def _set(context: Context[SetConfigParams]) -> bool:
    params = context.params
    return context.engine.ensure_config(params.bench_id, params.site_id, params.config)


def _set_as_before(context: Context[SetConfigParams]) -> None:
    params = context.params
    context.engine.ensure_config(params.bench_id, params.site_id, context.notes["config"])


OPERATION = Operation(
    name="set_config",
    params=SetConfigParams,
    target="site",
    urgency=Urgency.URGENT,
    purpose="set the site's settings",
    steps=(
        Step(key=Key.LOOK, title="Look how the site stands", run=_look),
        Step(key=Key.CONFIG, title="Write its settings", run=_set, undo=_set_as_before),
        Step(
            key=Key.PROBE,
            title="Ask for the site as a browser would",
            run=sites.probe_as_it_was,
            patience_seconds=sites.PROBE_PATIENCE_SECONDS,
        ),
    ),
    result=no_result,
)
