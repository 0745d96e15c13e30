"""Serve a site under another name."""

from enum import StrEnum

from agent.operations import changes, sites
from agent.operations.base import Context, Operation, Step, Urgency, no_result
from agent.operations.params import Hostname, SiteParams


class RenameSiteParams(SiteParams):
    """Which site, and the name that leads to it from now on; the old one leads nowhere."""

    hostname: Hostname


class Key(StrEnum):
    LOOK = "look"
    SERVE = "ensure_serving"
    PROBE = "probe"


def _look(context: Context[RenameSiteParams]) -> bool:
    context.notes["hostname"] = sites.get_site(context).hostname
    return changes.look(context)


def _serve(context: Context[RenameSiteParams]) -> bool:
    params = context.params
    return context.engine.ensure_site_serving(params.bench_id, params.site_id, params.hostname)


def _serve_as_before(context: Context[RenameSiteParams]) -> None:
    params = context.params
    context.engine.ensure_site_serving(params.bench_id, params.site_id, context.notes["hostname"])


OPERATION = Operation(
    name="rename_site",
    params=RenameSiteParams,
    target="site",
    urgency=Urgency.URGENT,
    purpose="rename the site",
    steps=(
        Step(key=Key.LOOK, title="Look how the site stands", run=_look),
        Step(key=Key.SERVE, title="Serve it under its new name", run=_serve, undo=_serve_as_before),
        Step(
            key=Key.PROBE,
            title="Ask for the site as a browser would",
            run=sites.probe_as_it_was,
            patience_seconds=sites.PROBE_PATIENCE_SECONDS,
        ),
    ),
    result=no_result,
)
