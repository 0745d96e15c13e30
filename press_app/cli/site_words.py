"""Says in words what a site is, why, and what happens next without anybody's help. Pure."""

from datetime import UTC, datetime
from typing import Any

from press_app.cli.output import format_age, parse_moment

MEANING = {
    "reserved": "has its name, and is made as soon as a bench has room",
    "installing": "is being made",
    "active": "answers through the edge",
    "suspending": "is closed at the edge and being closed on its host",
    "suspended": "answers 402 and says why; its data stay",
    "resuming": "is being opened again",
    "archiving": "is being backed up and then removed from its host",
    "archived": "stands as a verified backup only; visitors get 404",
    "restoring": "is being made again from a backup",
    "updating": "is being changed: its apps, its name or its bench",
    "purged": "is gone for good; its name is free",
    "broken": "needs a hand: a step failed",
}
WORKING = frozenset({"installing", "suspending", "resuming", "archiving", "restoring", "updating"})


def explain(site: dict[str, Any], *, now: datetime | None = None) -> list[str]:
    """Sentences: the state, what should be, every hold, the last error, and the next automatic action."""
    now = now or datetime.now(UTC)
    name, status = site["hostname"] or site["name"], site["status"]
    since = format_age(site["status_since"], now=now)
    said = [f"{name} is {status}: it {MEANING.get(status, 'is in an unknown state')}. Since {since}."]
    said.append(
        f"It should be {site['wanted']}." + (" It is held:" if site["holds"] else " Nothing holds it.")
    )
    said += [
        f"  {hold['kind']} hold by {hold['placed_by']}, {format_age(hold['placed_at'], now=now)}: {hold['message']}"
        for hold in site["holds"]
    ]
    if site.get("origin"):
        said.append("It is a copy: it sends no mail and runs no recurring job.")
    said += [
        f"Visitors of {former['hostname']} are sent on to it for {format_age(former['until'], now=now).removeprefix('in ')}."
        for former in site.get("former_addresses", [])
    ]
    change = site.get("last_change")
    if change and change["ended_at"]:
        said.append(f"Last change, {format_age(change['ended_at'], now=now)}: {change['message']}")
    if site.get("backup_verified_at"):
        taken, read = (format_age(site[name], now=now) for name in ("backed_up_at", "backup_verified_at"))
        said.append(f"Newest backup: taken {taken}, read back and compared {read}.")
    elif site["status"] in {"active", "suspended"}:
        said.append("There is no verified backup of it yet.")
    error = site.get("error")
    if error:
        step = f" at step '{error['step']}'" if error.get("step") else ""
        said.append(f"Last error{step}: {error.get('message', 'without a message')}")
    said.append(f"Next: {tell_next(site, now=now)}")
    return said


def tell_app(row: dict[str, Any]) -> str:
    """What an app is to a site: there, to be had, or why not."""
    if row["is_installed"]:
        return "installed"
    if not row["is_granted"]:
        return "not in its plan"
    return "can be installed" if row["is_offered"] else "not in its release"


def tell_next(site: dict[str, Any], *, now: datetime | None = None) -> str:
    """What happens without anybody's help, or who has to do something."""
    now = now or datetime.now(UTC)
    status, is_held = site["status"], bool(site["holds"])
    if site.get("retry_at") and parse_moment(site["retry_at"]) > now:
        return (
            f"it is tried again {format_age(site['retry_at'], now=now)}, or at once with 'press site retry'."
        )
    if status in WORKING:
        return f"the work under way ends with {site['target_status'] or 'its next state'}."
    if status == "broken":
        return "nothing by itself; repair the cause and run 'press site retry'."
    if site["wanted"] == "archived":
        return _next_of_ended(site, now)
    return _next_of_wanted(status, is_held=is_held, is_copy=bool(site.get("origin")))


def _next_of_wanted(status: str, *, is_held: bool, is_copy: bool) -> str:
    if status == "active":
        return "it is suspended, because it is held." if is_held else "nothing; it is as it should be."
    if status == "suspended":
        return "it runs again when the last hold is lifted." if is_held else "it is opened again."
    if status == "reserved" and is_copy:
        return "it is made as soon as its backup is proven and a bench has room."
    if status == "archived":
        return (
            "it comes back when the last hold is lifted."
            if is_held
            else "it is brought back from its backup."
        )
    return "it is made as soon as a bench has room." if status == "reserved" else "nothing."


def _next_of_ended(site: dict[str, Any], now: datetime) -> str:
    if site["status"] != "archived":
        return "nothing." if site["status"] == "purged" else "it is backed up and archived."
    if not site.get("undo_until"):
        return "it can be brought back with 'press site undo'."
    if parse_moment(site["undo_until"]) <= now:
        return "nothing; the time to bring it back is over, and its archive is kept."
    return f"its time to be brought back ends {format_age(site['undo_until'], now=now)}; its archive is kept."
