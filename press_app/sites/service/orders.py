"""Orders to the agents about a site, and the first line that each writes into its timeline."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from press_app.benches import service as benches
from press_app.jobs import service as jobs
from press_app.jobs.model import Job
from press_app.keys import service as keys
from press_app.sites.events import SiteBackupStarted
from press_app.sites.lifecycle import SiteEvent
from press_app.sites.model import Site
from press_app.work.unit_of_work import UnitOfWork

CREATE_WITHIN = timedelta(minutes=8)
CLOSE_WITHIN = timedelta(minutes=4)
DATA_WITHIN = timedelta(minutes=45)
SHORT_WITHIN = timedelta(minutes=2)


def request_short(
    uow: UnitOfWork, site: Site, operation: str, *, purpose: str, within: timedelta, **params: Any
) -> Job:
    """A short job on the site that changes no state and waits its turn at the agent."""
    return request(uow, site, operation, purpose=purpose, within=within, is_exclusive=False, params=params)


def request(
    uow: UnitOfWork,
    site: Site,
    operation: str,
    *,
    purpose: str,
    within: timedelta,
    is_exclusive: bool = True,
    is_routine: bool = False,
    params: Mapping[str, Any],
    bench_id: str | None = None,
) -> Job:
    """A job on the site at its bench, or at another one that holds something of it."""
    bench = benches.get_bench(uow.session, bench_id or site.bench_id or "")
    return jobs.request_job(
        uow,
        server_id=bench.server_id,
        operation=operation,
        target=site.target,
        params={"bench_id": bench.id, "site_id": site.id, **params},
        purpose=purpose,
        within=within,
        team_id=site.team_id,
        is_exclusive=is_exclusive,
        is_routine=is_routine,
    )


def tell_backup_started(uow: UnitOfWork, site: Site, backup_id: str, kind: str) -> None:
    """Whoever keeps backups learns that one is on its way."""
    engine = benches.get_release_of(uow.session, site.bench_id or "").engine
    uow.publish(
        SiteBackupStarted(
            backup_id=backup_id,
            site_id=site.id,
            team_id=site.team_id,
            server_id=benches.get_bench(uow.session, site.bench_id or "").server_id,
            engine=engine,
            kind=kind,
            apps=tuple(site.apps),
        )
    )


def move(uow: UnitOfWork, site: Site, event: SiteEvent, message: str) -> None:
    """Move the site and tell its timeline."""
    status = site.apply(event, uow.now())
    site.error = None
    site.retry_at = None
    uow.record(f"site.{status}", site.target, message, team_id=site.team_id, status=status.value)


def writing(uow: UnitOfWork, site: Site, backup_id: str) -> dict[str, Any]:
    """How an order names the backup that it makes, and the key that encrypts it."""
    return {"backup_id": backup_id, "key": keys.name_newest(uow, site.team_id)}


def reading(backup: Mapping[str, Any]) -> dict[str, Any]:
    """How an order names a backup that it reads, and the key that opens it; backups of an earlier version have none."""
    key_id = backup.get("key_id")
    return {"backup": dict(backup), **({"backup_key": keys.name_key(str(key_id))} if key_id else {})}


def restore_params(site: Site, backup: Mapping[str, Any]) -> dict[str, Any]:
    """How a site is made from a backup: what it was told besides its data goes with it."""
    return {"hostname": site.hostname, **reading(backup), "state": "active", **list_extras(site)}


def list_extras(site: Site) -> dict[str, Any]:
    """Settings and silence of a site; left out where there are none, as an agent of an earlier version knows neither."""
    return {
        **({"config": site.config} if site.config else {}),
        **({"muted": True} if site.is_muted else {}),
    }
