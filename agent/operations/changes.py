"""Steps that change a site as a whole: closed, kept as a backup, changed, opened again."""

from agent.host.clock import read_time, write_time
from agent.operations import backups, sites
from agent.operations.backups import BackupParams
from agent.operations.base import Context
from agent.operations.params import SiteParams


def look(context: Context[SiteParams]) -> bool:
    """Note in which state the site serves; one that an earlier attempt left closed is to be opened again."""
    context.notes["state"] = sites.get_site(context).opens_as.value
    return False


def close(context: Context[SiteParams]) -> bool:
    """Let nobody in, and note since when."""
    context.notes.setdefault("closed_at", write_time(context.host.clock()))
    return context.engine.ensure_site_closed(context.params.bench_id, context.params.site_id)


def open_as_before(context: Context[SiteParams]) -> None:
    """Serve again what was closed; a site that was suspended stays so."""
    site = sites.find_site(context)
    if site is not None:
        context.engine.ensure_site_serving(site.bench_id, site.site_id, site.hostname)


def serve(context: Context[SiteParams]) -> bool:
    """Open what was changed, under its own name."""
    site = sites.get_site(context)
    return context.engine.ensure_site_serving(site.bench_id, site.site_id, site.hostname)


def keep(context: Context[BackupParams]) -> bool:
    """Write what stands into the job's folder, as the backup and for the way back."""
    backups.keep(context)
    return True


def measure_closed_seconds(context: Context[SiteParams]) -> float:
    """How long nobody was let in, in seconds."""
    return round((context.host.clock() - read_time(context.notes["closed_at"])).total_seconds(), 1)
