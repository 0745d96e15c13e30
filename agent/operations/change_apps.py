"""Install and remove apps of a site, with a way back to what stood before."""

from enum import StrEnum
from typing import Any

from agent.engines.errors import AppNeeded, AppUnknown
from agent.operations import backups, changes, sites
from agent.operations.backups import BackupParams
from agent.operations.base import Context, Operation, Step, Urgency
from agent.operations.params import Apps


class ChangeAppsParams(BackupParams):
    """Which site, all the apps that it shall have, and the id of the backup that is taken before."""

    apps: Apps


class Key(StrEnum):
    LOOK = "look"
    CLOSE = "ensure_closed"
    WRITE = "write_backup"
    STORE = "ensure_stored"
    VERIFY = "read_back"
    CHANGE = "ensure_apps"
    SERVE = "ensure_serving"
    PROBE = "probe"


def _change(context: Context[ChangeAppsParams]) -> bool:
    params = context.params
    try:
        return context.engine.ensure_apps(params.bench_id, params.site_id, params.apps, context.progress)
    except (AppUnknown, AppNeeded):
        context.notes["is_refused"] = True
        raise


def _bring_back(context: Context[ChangeAppsParams]) -> None:
    """Restore what was kept, unless nothing was touched: a restore ends everybody's session."""
    if context.notes.get("is_refused"):
        return
    changes.bring_back(context, context.work_dir / "backup")


def _result(context: Context[ChangeAppsParams]) -> dict[str, Any]:
    params = context.params
    return {
        "apps": list(context.engine.list_apps(params.bench_id, params.site_id)),
        "size_bytes": sites.get_site(context).size_bytes,
        "closed_seconds": context.notes["closed_seconds"],
        **backups.backup_result(context),
    }


def _probe(context: Context[ChangeAppsParams]) -> bool:
    changed = sites.probe_as_it_was(context)
    context.notes["closed_seconds"] = changes.measure_closed_seconds(context)
    return changed


OPERATION = Operation(
    name="change_apps",
    params=ChangeAppsParams,
    target="site",
    urgency=Urgency.DEFAULT,
    purpose="change the site's apps",
    steps=(
        Step(key=Key.LOOK, title="Look how the site stands", run=changes.look),
        Step(key=Key.CLOSE, title="Close the site", run=changes.close, undo=changes.open_as_before),
        Step(key=Key.WRITE, title="Write a backup", run=backups.keep),
        Step(key=Key.STORE, title="Store it off the host", run=backups.store_backup),
        Step(key=Key.VERIFY, title="Read it back and compare", run=backups.read_back),
        Step(key=Key.CHANGE, title="Install and remove apps", run=_change, undo=_bring_back),
        Step(key=Key.SERVE, title="Open the site", run=changes.serve),
        Step(
            key=Key.PROBE,
            title="Ask for the site as a browser would",
            run=_probe,
            patience_seconds=sites.PROBE_PATIENCE_SECONDS,
        ),
    ),
    result=_result,
    receipt=backups.find_receipt,
)
