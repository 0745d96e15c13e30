"""Changing a site that stands: other apps, another name, another bench. Refused early, done by one job, undone or tried again."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from press_app.benches import service as benches
from press_app.edge.port import RouteState
from press_app.jobs.model import Job
from press_app.kit.db import ReadSession, Session
from press_app.kit.ids import new_id
from press_app.plans import rules as plan_rules
from press_app.sites import rules
from press_app.sites.errors import AppNeeded, AppNotOffered, NothingToChange, SiteNotReady, TargetUnclear
from press_app.sites.events import SiteAppsWanted
from press_app.sites.lifecycle import LIFECYCLE, ChangeKind, SiteEvent
from press_app.sites.model import Leftover, Site
from press_app.sites.service import addresses, leftovers, logins, orders, reads
from press_app.work.unit_of_work import UnitOfWork

BACKUP_KIND = "before-change"


def request_apps(uow: UnitOfWork, site: Site, apps: Iterable[str]) -> Job:
    """Let the site have just these apps; a backup is taken first.

    Raises :class:`SiteNotReady`, :class:`AppNeeded`, :class:`AppNotOffered`, :class:`NothingToChange`, ``app_unknown`` and
    what the listeners of ``SiteAppsWanted`` raise.
    """
    check_changeable(uow, site)
    given = list(apps)
    if plan_rules.BASE not in given:
        message = (
            "'base' is the ERP itself and cannot be removed. Nothing was changed. Archive the site instead."
        )
        raise AppNeeded(message, app=plan_rules.BASE)
    chosen = plan_rules.check_apps(given)
    added, removed = rules.compare(site.apps, chosen)
    if not added and not removed:
        message = f"{site.name} has just these apps: {', '.join(chosen)}. Nothing was changed."
        raise NothingToChange(message, apps=list(chosen))
    release = benches.get_release_of(uow.session, site.bench_id or "")
    offered = list_offered(uow.session, site)
    lacking = [app for app in chosen if app not in offered]
    if lacking:
        message = (
            f"Release {release.name} of {site.name} has no {', '.join(lacking)}. Nothing was changed. It has "
            f"{', '.join(offered)}; a site gets other apps by moving to a release that has them."
        )
        raise AppNotOffered(message, apps=lacking, offered=list(offered))
    uow.publish(SiteAppsWanted(site.id, site.team_id, added))
    words = rules.say_difference(added, removed)
    return _begin(uow, site, {"kind": ChangeKind.APPS.value, "apps": list(chosen)}, words)


def list_offered(session: Session | ReadSession, site: Site) -> tuple[str, ...]:
    """The apps of the release that the site runs on; nothing while it is nowhere."""
    if site.bench_id is None:
        return ()
    return benches.list_offered(session, benches.get_bench(session, site.bench_id))


def request_rename(uow: UnitOfWork, site: Site, name: str, domain: str) -> Job:
    """Give the site another name; the old one leads to it for some time.

    Raises ``site_name_invalid``, ``site_name_taken``, :class:`SiteNotReady` and :class:`NothingToChange`.
    """
    rules.check_name(name)
    check_changeable(uow, site)
    hostname = f"{name}.{domain}"
    if hostname == site.hostname:
        message = f"{hostname} is its name already. Nothing was changed."
        raise NothingToChange(message, name=name)
    addresses.claim(uow, site, name, domain)
    change = {"kind": ChangeKind.RENAME.value, "name": name, "hostname": hostname}
    return _begin(uow, site, change, f"It gets the name {hostname}.")


def request_move(
    uow: UnitOfWork, site: Site, *, bench_id: str | None = None, release: str | None = None
) -> Job:
    """Move the site to this bench, or to a running bench of this release, on its own server; a backup is taken first.

    Raises :class:`TargetUnclear`, :class:`SiteNotReady`, ``bench_unknown``, ``release_unknown``, ``bench_unfit`` and ``no_bench``.
    """
    if (bench_id is None) is (release is None):
        message = "Say where to: a bench or a release, and only one of them. Nothing was changed."
        raise TargetUnclear(message)
    check_changeable(uow, site)
    origin = benches.get_bench(uow.session, site.bench_id or "")
    if bench_id is not None:
        target = benches.take_place_for_move(uow, origin, bench_id, site.apps)
    else:
        target = benches.take_place_of_release(uow, origin, release or "", site.apps)
    if uow.session.get(Leftover, (site.id, target.id)) is not None:
        message = (
            f"Data that {site.name} left on that bench are still being removed. Nothing was changed. Try again in some "
            "minutes, or choose another bench."
        )
        raise SiteNotReady(message, site_id=site.id, bench_id=target.id)
    site.to_bench_id = target.id
    name = benches.get_release_of(uow.session, target.id).name
    change = {"kind": ChangeKind.MOVE.value, "to_bench_id": target.id, "release": name}
    return _begin(uow, site, change, f"It moves to a bench of release {name}.")


def check_changeable(uow: UnitOfWork, site: Site) -> None:
    """Raises :class:`SiteNotReady` unless the site is active and nothing holds it."""
    if not LIFECYCLE.allows(site.status, "change"):
        message = f"{site.name} is {site.status}, and only an active site is changed. Nothing was changed."
        raise SiteNotReady(message, site_id=site.id, status=site.status.value, action="change")
    if reads.is_held(uow.session, site.id):
        message = f"{site.name} is held. Nothing was changed. It can be changed when the holds are lifted."
        raise SiteNotReady(message, site_id=site.id)


def _begin(uow: UnitOfWork, site: Site, change: dict[str, Any], words: str) -> Job:
    site.change = {**change, "words": words, "tries": 0}
    note(uow, site, ChangeKind(change["kind"]))
    return repeat(uow, site)


def note(uow: UnitOfWork, site: Site, kind: ChangeKind) -> None:
    """Tell whoever looks at the site that this change has begun."""
    site.last_change = {
        "kind": kind.value,
        "outcome": "running",
        "started_at": uow.now().isoformat(),
        "ended_at": None,
        "closed_seconds": None,
        "message": None,
    }


def end_note(
    uow: UnitOfWork, site: Site, outcome: str, message: str, *, closed_seconds: float | None = None
) -> None:
    """How the change ended, in the view and in the timeline."""
    site.last_change = {
        **(site.last_change or {}),
        "outcome": outcome,
        "ended_at": uow.now().isoformat(),
        "closed_seconds": closed_seconds,
        "message": message,
    }
    uow.record(
        "site.changed",
        site.target,
        message,
        team_id=site.team_id,
        change=site.last_change["kind"],
        outcome=outcome,
        closed_seconds=closed_seconds,
    )


def repeat(uow: UnitOfWork, site: Site) -> Job:
    """Order what is to be changed, the first time or again: the steps converge."""
    change = dict(site.change or {})
    site.change = {**change, "tries": change["tries"] + 1}
    site.last_change = {**(site.last_change or {}), "outcome": "running", "ended_at": None, "message": None}
    return SENDERS[ChangeKind(change["kind"])](uow, site, change)


def _send_apps(uow: UnitOfWork, site: Site, change: Mapping[str, Any]) -> Job:
    _close(uow, site, change)
    return _request_with_backup(
        uow,
        site,
        "change_apps",
        purpose=f"Change the apps of {site.hostname}",
        params={"apps": change["apps"]},
    )


def _send_move(uow: UnitOfWork, site: Site, change: Mapping[str, Any]) -> Job:
    _close(uow, site, change)
    # Its token is not on the other bench.
    logins.forget_first(uow, site)
    params = {
        "to_bench_id": change["to_bench_id"],
        "hostname": site.hostname,
        **orders.list_extras(site),
    }
    return _request_with_backup(
        uow, site, "move_site", purpose=f"Move {site.hostname} to release {change['release']}", params=params
    )


def _send_rename(uow: UnitOfWork, site: Site, change: Mapping[str, Any]) -> Job:
    orders.move(uow, site, SiteEvent.UPDATE, change["words"])
    return orders.request(
        uow,
        site,
        "rename_site",
        purpose=f"Rename {site.hostname} to {change['hostname']}",
        within=orders.CLOSE_WITHIN,
        params={"hostname": change["hostname"]},
    )


SENDERS: Mapping[ChangeKind, Callable[[UnitOfWork, Site, Mapping[str, Any]], Job]] = {
    ChangeKind.APPS: _send_apps,
    ChangeKind.MOVE: _send_move,
    ChangeKind.RENAME: _send_rename,
}


def _close(uow: UnitOfWork, site: Site, change: Mapping[str, Any]) -> None:
    """The edge is closed first; the host closes the site by itself before it touches anything."""
    site.route = RouteState.MAINTENANCE
    orders.move(
        uow, site, SiteEvent.UPDATE, f"{change['words']} It is closed meanwhile; a backup is taken first."
    )
    uow.enqueue("edge.publish", unique_key="edge.publish")


def _request_with_backup(
    uow: UnitOfWork, site: Site, operation: str, *, purpose: str, params: Mapping[str, Any]
) -> Job:
    backup_id = new_id()
    job = orders.request(
        uow,
        site,
        operation,
        purpose=purpose,
        within=orders.DATA_WITHIN,
        params={**params, **orders.writing(uow, site, backup_id)},
    )
    orders.tell_backup_started(uow, site, backup_id, BACKUP_KIND)
    return job


def give_up(uow: UnitOfWork, site: Site) -> None:
    """The change that broke is not wanted any more: what it took is free again, what it left is removed."""
    if site.change is None:
        return
    addresses.release_claim(uow, site)
    if site.to_bench_id is not None:
        leftovers.note(uow, site, site.to_bench_id)
        site.to_bench_id = None
    site.change = None
    end_note(uow, site, "given_up", "The change that had failed was given up.")
