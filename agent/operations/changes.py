"""Steps that change a site as a whole: closed, kept as a backup, changed, opened again."""

from pathlib import Path

from agent.engines.errors import ConfigRefused
from agent.engines.port import ConfigValue
from agent.host import files
from agent.host.clock import read_time, write_time
from agent.operations import sites
from agent.operations.base import Context
from agent.operations.params import Config, SiteParams


def look(context: Context[SiteParams]) -> bool:
    """Note in which state the site serves; one that an earlier attempt left closed is to be opened again."""
    sites.put_back(context)
    context.notes["state"] = sites.get_site(context).opens_as.value
    return False


def close(context: Context[SiteParams]) -> bool:
    """Let nobody in, and note since when."""
    context.notes.setdefault("closed_at", write_time(context.host.clock()))
    return context.engine.ensure_site_closed(context.params.bench_id, context.params.site_id)


def open_as_before(context: Context[SiteParams]) -> None:
    """Serve again what was closed; a site that was suspended stays so, and one whose data are half changed closed."""
    if sites.find_kept(context).exists():
        context.progress("Its data could not be put back, so it stays closed; the next job begins with that.")
        return
    site = sites.find_site(context)
    if site is not None:
        context.engine.ensure_site_serving(site.bench_id, site.site_id, site.hostname)


def bring_back(context: Context[SiteParams], source: Path) -> None:
    """Put back what was kept. Until that is done the next job finds it, however this one ends."""
    site = sites.get_site(context)
    kept = sites.find_kept(context)
    files.make_directory(kept.parent, 0o700)
    files.link_durably(source, kept)
    context.engine.ensure_restored(site.bench_id, site.site_id, site.hostname, kept)
    files.remove_tree(kept)


def serve(context: Context[SiteParams]) -> bool:
    """Open what was changed, under its own name."""
    site = sites.get_site(context)
    return context.engine.ensure_site_serving(site.bench_id, site.site_id, site.hostname)


def measure_closed_seconds(context: Context[SiteParams]) -> float:
    """How long nobody was let in, in seconds."""
    return round((context.host.clock() - read_time(context.notes["closed_at"])).total_seconds(), 1)


def set_what_is_taken(context: Context[SiteParams], bench_id: str, config: Config) -> bool:
    """Set these settings, and leave out those that do not fit the site any more: they must not keep it from coming back."""
    engine, site_id = context.engine, context.params.site_id
    try:
        return engine.ensure_config(bench_id, site_id, config)
    except ConfigRefused:
        taken: dict[str, ConfigValue] = {}
    for name, value in config.items():
        try:
            engine.ensure_config(bench_id, site_id, {**taken, name: value})
        except ConfigRefused as error:
            context.progress(f"{name} was left out: {error.message}")
        else:
            taken[name] = value
    engine.ensure_config(bench_id, site_id, taken)
    return True
