"""Steps that many operations on sites share."""

from pathlib import Path

from agent.engines.errors import SiteUnknown
from agent.engines.port import Site, SiteState
from agent.host import files
from agent.operations.base import Context
from agent.operations.errors import SiteNotClosed
from agent.operations.params import SiteParams

PROBE_PATIENCE_SECONDS = 15.0
DROP_PATIENCE_SECONDS = 30.0


def get_site(context: Context[SiteParams]) -> Site:
    """Return the job's site. Raises :class:`SiteUnknown`."""
    site = find_site(context)
    if site is None:
        raise SiteUnknown(
            f"Site {context.params.site_id} is not on bench {context.params.bench_id}; nothing was touched. "
            "Create it, or restore it from a backup."
        )
    return site


def find_site(context: Context[SiteParams]) -> Site | None:
    return context.engine.find_site(context.params.bench_id, context.params.site_id)


def find_kept(context: Context[SiteParams]) -> Path:
    """Where the data lie that an earlier job could not put back; a file where, and only where, there are such."""
    return context.host.kept / context.params.site_id


def put_back(context: Context[SiteParams]) -> None:
    """Put back what an earlier job could not; the site is closed then, as it was."""
    kept = find_kept(context)
    if not kept.exists():
        return
    context.progress("An earlier job left the data half changed: what stood before it is put back first.")
    site = get_site(context)
    context.engine.ensure_restored(site.bench_id, site.site_id, site.hostname, kept)
    files.remove_tree(kept)


def look_at_whole(context: Context[SiteParams]) -> bool:
    """As :func:`look`, for what must not work on data that are half changed."""
    put_back(context)
    return look(context)


def look(context: Context[SiteParams]) -> bool:
    """Note how the site stands before the job; fails when it does not exist."""
    context.notes["state"] = get_site(context).state.value
    return False


def drop(context: Context[SiteParams]) -> bool:
    """Remove the site and all that is left of it."""
    dropped = context.engine.ensure_site_dropped(context.params.bench_id, context.params.site_id)
    files.remove_tree(find_kept(context))
    return dropped


def look_whether_it_exists(context: Context[SiteParams]) -> bool:
    """Note whether the site stands before the job, and how."""
    site = find_site(context)
    context.notes["existed"] = site is not None
    context.notes["state"] = None if site is None else site.state.value
    return False


def bring_back_state(context: Context[SiteParams]) -> None:
    """Open or close the site as it was before the job."""
    params = context.params
    if find_site(context) is None:
        return
    if context.notes.get("state") == SiteState.ACTIVE:
        context.engine.ensure_site_resumed(params.bench_id, params.site_id)
    elif context.notes.get("state") == SiteState.SUSPENDED:
        context.engine.ensure_site_suspended(params.bench_id, params.site_id, "The site is being repaired.")


def drop_what_was_made(context: Context[SiteParams]) -> None:
    """Remove the site where the job made it; one that stood before is left alone."""
    if context.notes.get("existed") is False:
        context.engine.ensure_site_dropped(context.params.bench_id, context.params.site_id)


def check_closed(context: Context[SiteParams]) -> bool:
    """Look whether the site really is closed. Raises :class:`SiteNotClosed`."""
    if get_site(context).state is not SiteState.SUSPENDED:
        raise SiteNotClosed(
            "The site is still open after it was closed; its data are untouched. Send the job again."
        )
    return False


def probe(context: Context[SiteParams]) -> bool:
    """Ask the bench for the site as a browser would."""
    site = get_site(context)
    context.engine.probe_site(site.bench_id, site.site_id, site.hostname)
    return False


def probe_as_it_was(context: Context[SiteParams]) -> bool:
    """Ask for a site that was open before the job as a browser would; look whether any other is closed."""
    return probe(context) if context.notes["state"] == SiteState.ACTIVE else check_closed(context)
