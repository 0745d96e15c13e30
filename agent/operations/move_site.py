"""Move a site to another bench of this host and bring it to that bench's release; what stood is given up last."""

from enum import StrEnum
from typing import Any, Self

from pydantic import Field, model_validator

from agent.engines.port import SiteState
from agent.operations import backups, changes, sites
from agent.operations.backups import BackupParams
from agent.operations.base import Context, Operation, Step, Urgency
from agent.operations.errors import BenchForeign
from agent.operations.params import Config, Hostname, Uuid


class MoveSiteParams(BackupParams):
    """From which bench to which, and the id of the backup that is taken on the way."""

    to_bench_id: Uuid
    hostname: Hostname
    config: Config = Field(default_factory=dict)
    muted: bool = False

    @model_validator(mode="after")
    def _leads_elsewhere(self) -> Self:
        if self.to_bench_id == self.bench_id:
            raise ValueError("the site is on that bench already")
        return self


class Key(StrEnum):
    LOOK = "look"
    CLOSE = "ensure_closed"
    WRITE = "write_backup"
    STORE = "ensure_stored"
    VERIFY = "read_back"
    COPY = "ensure_copied"
    MIGRATE = "ensure_migrated"
    CONFIG = "ensure_config"
    SERVE = "ensure_serving"
    PROBE = "probe"
    DROP = "ensure_dropped"


def _look(context: Context[MoveSiteParams]) -> bool:
    there = context.host.engines.get_for_bench(context.params.to_bench_id)
    if there.name != context.engine.name:
        raise BenchForeign(
            f"The site is of {context.engine.name}, the bench runs {there.name}. The site was not touched; choose a bench of "
            "its engine."
        )
    return changes.look(context)


def _copy(context: Context[MoveSiteParams]) -> bool:
    """Bring the kept data to the other bench, closed."""
    params = context.params
    kept = context.work_dir / "backup"
    return context.engine.ensure_restored(params.to_bench_id, params.site_id, params.hostname, kept)


def _drop_copy(context: Context[MoveSiteParams]) -> None:
    context.engine.ensure_site_dropped(context.params.to_bench_id, context.params.site_id)


def _migrate(context: Context[MoveSiteParams]) -> bool:
    params = context.params
    return context.engine.ensure_site_migrated(params.to_bench_id, params.site_id, context.progress)


def _configure(context: Context[MoveSiteParams]) -> bool:
    params = context.params
    changed = changes.set_what_is_taken(context, params.to_bench_id, params.config)
    if params.muted:
        changed |= context.engine.ensure_site_muted(params.to_bench_id, params.site_id)
    return changed


def _serve(context: Context[MoveSiteParams]) -> bool:
    params = context.params
    if context.notes["state"] == SiteState.ACTIVE:
        return context.engine.ensure_site_serving(params.to_bench_id, params.site_id, params.hostname)
    return context.engine.ensure_site_suspended(
        params.to_bench_id, params.site_id, "The site was moved closed."
    )


def _probe(context: Context[MoveSiteParams]) -> bool:
    params = context.params
    if context.notes["state"] == SiteState.ACTIVE:
        context.engine.probe_site(params.to_bench_id, params.site_id, params.hostname)
    context.notes["closed_seconds"] = changes.measure_closed_seconds(context)
    return False


def _result(context: Context[MoveSiteParams]) -> dict[str, Any]:
    params = context.params
    moved = context.engine.find_site(params.to_bench_id, params.site_id)
    return {
        "size_bytes": 0 if moved is None else moved.size_bytes,
        "closed_seconds": context.notes["closed_seconds"],
        **backups.backup_result(context),
    }


OPERATION = Operation(
    name="move_site",
    params=MoveSiteParams,
    target="site",
    urgency=Urgency.DEFAULT,
    purpose="move the site",
    steps=(
        Step(key=Key.LOOK, title="Look how the site stands", run=_look),
        Step(key=Key.CLOSE, title="Close the site", run=changes.close, undo=changes.open_as_before),
        Step(key=Key.WRITE, title="Write a backup", run=backups.keep),
        Step(key=Key.STORE, title="Store it off the host", run=backups.store_backup),
        Step(key=Key.VERIFY, title="Read it back and compare", run=backups.read_back),
        Step(key=Key.COPY, title="Bring the data to the other bench", run=_copy, undo=_drop_copy),
        Step(key=Key.MIGRATE, title="Bring them to its release", run=_migrate),
        Step(key=Key.CONFIG, title="Write its settings", run=_configure),
        Step(key=Key.SERVE, title="Serve the site there", run=_serve),
        Step(
            key=Key.PROBE,
            title="Ask for the site as a browser would",
            run=_probe,
            patience_seconds=sites.PROBE_PATIENCE_SECONDS,
        ),
        Step(
            key=Key.DROP,
            title="Give up what stood before",
            run=sites.drop,
            irreversible=True,
            patience_seconds=sites.DROP_PATIENCE_SECONDS,
        ),
    ),
    result=_result,
    receipt=backups.find_receipt,
)
