"""Bring a site's data back from a backup, with a way back to what stood before."""

from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from agent.engines.errors import SiteDataUnreadable
from agent.host import files
from agent.operations import backups, changes, sites
from agent.operations.base import Context, Operation, Step, Urgency
from agent.operations.errors import BackupForeign, NothingKept
from agent.operations.params import Backup, BackupKey, Config, Hostname, SiteParams, Uuid


class RestoreSiteParams(SiteParams):
    """Which site, from what, and whether it is open afterwards."""

    hostname: Hostname
    backup: Backup
    backup_key: BackupKey | None = None
    """What opens it, where it is encrypted."""
    state: Literal["active", "suspended"] = "active"
    copied_from: Uuid | None = None
    """The site whose backup it is, where that is another one."""
    config: Config = Field(default_factory=dict)
    muted: bool = False
    """It is a copy that must tell nothing to the world."""

    @model_validator(mode="after")
    def _is_of_the_named_site(self) -> Self:
        if self.backup.site_id != (self.copied_from or self.site_id):
            raise ValueError("the backup is of another site")
        return self

    @property
    def secret_refs(self) -> tuple[str, ...]:
        return () if self.backup_key is None else (self.backup_key.secret,)


class Key(StrEnum):
    LOOK = "look"
    FETCH = "fetch_backup"
    KEEP = "keep_present_data"
    RESTORE = "ensure_restored"
    MIGRATE = "ensure_migrated"
    CONFIG = "ensure_config"
    STATE = "ensure_state"
    PROBE = "probe"


def _look(context: Context[RestoreSiteParams]) -> bool:
    if context.engine.name != context.params.backup.engine:
        raise BackupForeign(
            f"The backup is of {context.params.backup.engine}, the bench runs {context.engine.name}. "
            "The site was not touched; choose a bench of the backup's engine."
        )
    return sites.look_whether_it_exists(context)


def _fetch(context: Context[RestoreSiteParams]) -> bool:
    sequel = "The site was not touched; choose another backup."
    backups.fetch(context, context.params.backup, context.params.backup_key, "backup", sequel)
    return False


def _keep(context: Context[RestoreSiteParams]) -> bool:
    """Write the present data into the job's folder for the way back; damaged ones are no reason not to go on."""
    params = context.params
    context.notes["kept"] = False
    if not context.notes["existed"]:
        context.progress("nothing to keep: the site is made anew")
        return False
    try:
        context.engine.write_backup(params.bench_id, params.site_id, context.work_dir / "before")
    except SiteDataUnreadable as error:
        context.progress(f"nothing to keep: {error.message}")
    else:
        context.notes["kept"] = True
    return False


def _restore(context: Context[RestoreSiteParams]) -> bool:
    params = context.params
    source = context.work_dir / "backup"
    return context.engine.ensure_restored(params.bench_id, params.site_id, params.hostname, source)


def _bring_back_data(context: Context[RestoreSiteParams]) -> None:
    if context.notes.get("existed"):
        if not context.notes.get("kept", True):
            _leave_closed(context)
        changes.bring_back(context, context.work_dir / "before")
        changes.open_as_before(context)
    sites.drop_what_was_made(context)


def _leave_closed(context: Context[RestoreSiteParams]) -> None:
    params = context.params
    context.engine.ensure_site_suspended(params.bench_id, params.site_id, "The site is being repaired.")
    raise NothingKept(
        "What stood before the job could not be read, so there is nothing to go back to. The site is closed; "
        "restore it from a backup."
    )


def _migrate(context: Context[RestoreSiteParams]) -> bool:
    """A backup may be of an older release than the bench's."""
    params = context.params
    return context.engine.ensure_site_migrated(params.bench_id, params.site_id, context.progress)


def _configure(context: Context[RestoreSiteParams]) -> bool:
    params = context.params
    context.notes.setdefault("config", dict(context.engine.find_config(params.bench_id, params.site_id)))
    changed = changes.set_what_is_taken(context, params.bench_id, params.config)
    if params.muted:
        changed |= context.engine.ensure_site_muted(params.bench_id, params.site_id)
    return changed


def _configure_as_before(context: Context[RestoreSiteParams]) -> None:
    """Where settings lie beside the data, they do not come back with them."""
    params = context.params
    if "config" in context.notes:
        context.engine.ensure_config(params.bench_id, params.site_id, context.notes["config"])


def _set_state(context: Context[RestoreSiteParams]) -> bool:
    params = context.params
    if params.state == "active":
        return context.engine.ensure_site_resumed(params.bench_id, params.site_id)
    return context.engine.ensure_site_suspended(
        params.bench_id, params.site_id, "The site was restored closed."
    )


def _probe(context: Context[RestoreSiteParams]) -> bool:
    changed = sites.probe(context) if context.params.state == "active" else sites.check_closed(context)
    # What an earlier job could not put back is not wanted any more.
    files.remove_tree(sites.find_kept(context))
    return changed


def _result(context: Context[RestoreSiteParams]) -> dict[str, Any]:
    params = context.params
    return {
        "size_bytes": sites.get_site(context).size_bytes,
        "apps": list(context.engine.list_apps(params.bench_id, params.site_id)),
    }


OPERATION = Operation(
    name="restore_site",
    params=RestoreSiteParams,
    target="site",
    urgency=Urgency.DEFAULT,
    purpose="restore the site from a backup",
    steps=(
        Step(key=Key.LOOK, title="Look what stands there", run=_look),
        Step(key=Key.FETCH, title="Fetch the backup and compare", run=_fetch),
        Step(key=Key.KEEP, title="Keep the present data", run=_keep),
        Step(key=Key.RESTORE, title="Bring the data back", run=_restore, undo=_bring_back_data),
        Step(key=Key.MIGRATE, title="Bring them to the bench's release", run=_migrate),
        Step(key=Key.CONFIG, title="Write its settings", run=_configure, undo=_configure_as_before),
        Step(key=Key.STATE, title="Open or close the site", run=_set_state, undo=sites.bring_back_state),
        Step(
            key=Key.PROBE,
            title="Ask for the site as a browser would",
            run=_probe,
            patience_seconds=sites.PROBE_PATIENCE_SECONDS,
        ),
    ),
    result=_result,
)
