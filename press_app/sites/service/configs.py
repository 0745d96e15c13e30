"""Settings of a site that its engine lets tenants set: wanted as a whole, kept when the host took them."""

from collections.abc import Mapping

from press_app.jobs.lifecycle import JobStatus
from press_app.jobs.model import Job
from press_app.sites import rules
from press_app.sites.errors import NothingToChange
from press_app.sites.lifecycle import ChangeKind
from press_app.sites.model import Site
from press_app.sites.service import changes, orders, outcomes
from press_app.work.unit_of_work import UnitOfWork

ConfigValue = bool | int | str


def request_config(uow: UnitOfWork, site: Site, config: Mapping[str, ConfigValue]) -> Job:
    """Let these settings and no others count; the site serves all the time.

    Raises ``site_not_ready``, ``config_refused`` for what looks like a secret, and :class:`NothingToChange`.
    """
    rules.check_config(config)
    changes.check_changeable(uow, site)
    if rules.is_same(site.config, config):
        message = f"The settings of {site.name} are just these. Nothing was changed."
        raise NothingToChange(message, site_id=site.id)
    changes.note(uow, site, ChangeKind.CONFIG)
    return orders.request(
        uow,
        site,
        "set_config",
        purpose=f"Set the settings of {site.hostname}",
        within=orders.SHORT_WITHIN,
        params={"config": dict(config)},
    )


def on_config_finished(uow: UnitOfWork, job: Job) -> None:
    """The host took the settings, or those of before count."""
    site = outcomes.get_site_of(uow, job)
    if job.status is JobStatus.SUCCEEDED:
        before, site.config = site.config, dict(job.params["config"])
        names = rules.list_differences(before, site.config)
        changes.end_note(uow, site, "done", f"Settings changed: {', '.join(names)}.")
    else:
        why = (job.error or {}).get("message", job.status.value)
        is_undone = outcomes.is_compensated(job)
        sequel = "those of before count" if is_undone else "which ones count is not known; set them again"
        outcome = "undone" if is_undone else "failed"
        changes.end_note(uow, site, outcome, f"The settings could not be set, and {sequel}: {why}")
    # What was wished for in the meantime had to wait.
    uow.enqueue("site.converge", unique_key=f"converge:{site.id}", site_id=site.id)
