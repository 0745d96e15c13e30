"""Settings of a site that its engine lets tenants set: wanted as a whole, kept when the host took them."""

from collections.abc import Mapping

from press_app.jobs import service as jobs
from press_app.jobs.lifecycle import JobStatus
from press_app.jobs.model import Job
from press_app.sites import rules
from press_app.sites.errors import NothingToChange, SiteNotReady
from press_app.sites.lifecycle import LIFECYCLE, ChangeKind, SiteStatus
from press_app.sites.model import Site
from press_app.sites.service import changes, orders, outcomes
from press_app.work.unit_of_work import UnitOfWork

ConfigValue = bool | int | str


def request_config(uow: UnitOfWork, site: Site, config: Mapping[str, ConfigValue]) -> Job | None:
    """Let these settings and no others count; a site that serves goes on. None where it is archived: it comes back with them.

    Raises :class:`SiteNotReady`, ``config_refused`` for what looks like a secret, and :class:`NothingToChange`.
    """
    rules.check_config(config)
    if not LIFECYCLE.allows(site.status, "config"):
        message = (
            f"{site.name} is {site.status}, and settings are changed while it is active, suspended or archived. Nothing was "
            "changed."
        )
        raise SiteNotReady(message, site_id=site.id, status=site.status.value, action="config")
    if rules.is_same(site.config, config) and not _is_unknown(uow, site):
        message = f"The settings of {site.name} are just these. Nothing was changed."
        raise NothingToChange(message, site_id=site.id)
    changes.note(uow, site, ChangeKind.CONFIG)
    if site.status is SiteStatus.ARCHIVED:
        _keep(uow, site, config, " They count when it comes back.")
        return None
    return orders.request(
        uow,
        site,
        "set_config",
        purpose=f"Set the settings of {site.hostname}",
        within=orders.SHORT_WITHIN,
        params={"config": dict(config)},
    )


def _is_unknown(uow: UnitOfWork, site: Site) -> bool:
    """Whether the host may have others than the row says: the last attempt failed, and was not taken back."""
    last = jobs.find_newest(uow.session, site.target, "set_config")
    return last is not None and last.status is not JobStatus.SUCCEEDED and not outcomes.is_compensated(last)


def _keep(uow: UnitOfWork, site: Site, config: Mapping[str, ConfigValue], sequel: str = "") -> None:
    before, site.config = site.config, dict(config)
    names = rules.list_differences(before, site.config)
    said = f"Settings changed: {', '.join(names)}." if names else "The settings are as they were."
    changes.end_note(uow, site, "done", f"{said}{sequel}")


def on_config_finished(uow: UnitOfWork, job: Job) -> None:
    """The host took the settings, or those of before count."""
    site = outcomes.get_site_of(uow, job)
    if job.status is JobStatus.SUCCEEDED:
        _keep(uow, site, job.params["config"])
    else:
        why = (job.error or {}).get("message", job.status.value)
        is_undone = outcomes.is_compensated(job)
        sequel = "those of before count" if is_undone else "which ones count is not known; set them again"
        outcome = "undone" if is_undone else "failed"
        changes.end_note(uow, site, outcome, f"The settings could not be set, and {sequel}: {why}")
    # What was wished for in the meantime had to wait.
    uow.enqueue("site.converge", unique_key=f"converge:{site.id}", site_id=site.id)
