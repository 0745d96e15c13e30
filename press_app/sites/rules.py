"""Pure rules of sites: names, and what to do next."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from press_app.sites.errors import ConfigRefused, SiteNameInvalid
from press_app.sites.lifecycle import SiteStatus, Wanted

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MIN_NAME, MAX_NAME = 3, 40
PATH = re.compile(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+/?")
MAX_PATH = 64
SECRET = re.compile(
    r"password|passwd|passphrase|pass_phrase|pwd|secret|token|private|api_?key|access_?key|credential|auth|_sk$|_key$"
)
"""Names of settings whose values nobody should read: the agents' own rule, so that both ends refuse the same."""
NO_SECRETS = frozenset({"password_length"})
"""Settings of an engine that only sound like one."""
CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
MAX_COMPANY = 190
RESERVED_NAMES = frozenset(
    [
        "admin",
        "api",
        "app",
        "auth",
        "billing",
        "blog",
        "cdn",
        "console",
        "dashboard",
        "demo-api",
        "dev",
        "docs",
        "edge",
        "ftp",
        "git",
        "help",
        "imap",
        "internal",
        "keycloak",
        "lago",
        "localhost",
        "login",
        "mail",
        "metrics",
        "mx",
        "ns",
        "ns1",
        "ns2",
        "operator",
        "pop",
        "press",
        "root",
        "smtp",
        "sso",
        "staging",
        "static",
        "status",
        "support",
        "test",
        "traefik",
        "webmail",
        "wpad",
        "www",
    ]
)


MAX_FAILURES = 5
"""After so many failed attempts in a row a person is asked."""


class Action(StrEnum):
    """What the reconciler does next."""

    INSTALL = "install"
    SUSPEND = "suspend"
    RESUME = "resume"
    ARCHIVE = "archive"
    RESTORE = "restore"
    ABANDON = "abandon"
    CHANGE = "change"


def check_name(name: str) -> str:
    """The name, when it can be a host label and nobody could mistake it. Raises :class:`SiteNameInvalid`."""
    if not MIN_NAME <= len(name) <= MAX_NAME or NAME.fullmatch(name) is None:
        message = (
            f"'{name[:60]}' cannot be a site name. Nothing was created. Use {MIN_NAME} to {MAX_NAME} lower-case letters, "
            "digits and single hyphens; begin with a letter."
        )
        raise SiteNameInvalid(message)
    if name in RESERVED_NAMES:
        message = f"'{name}' is kept for the platform. Nothing was created. Try '{name}-erp'."
        raise SiteNameInvalid(message)
    return name


def clean_line(text: str, instead: str) -> str:
    """The text on one line, as the agents take it; ``instead`` where nothing of it can be seen."""
    return CONTROL.sub(" ", text).strip()[:MAX_COMPANY] or instead


def is_local_path(path: object) -> bool:
    """Whether it stays on the site's own host when it is written behind its address: an agent says where to log in."""
    return isinstance(path, str) and len(path) <= MAX_PATH and PATH.fullmatch(path) is not None


def suggest_name(wish: str, serial: int = 0) -> str:
    """A valid name near ``wish``; with a serial where the plain one is taken."""
    plain = unicodedata.normalize("NFKD", wish).encode("ascii", "ignore").decode().lower()
    plain = "-".join(re.findall(r"[a-z0-9]+", plain)).lstrip("0123456789-")
    tail = f"-{serial + 1}" if serial else ""
    name = plain[: MAX_NAME - len(tail)].rstrip("-") + tail
    if not plain:
        return "erp-site" + tail
    return f"erp-{name}" if len(name) < MIN_NAME or name in RESERVED_NAMES else name


def next_action(status: SiteStatus, wanted: Wanted, *, is_held: bool) -> Action | None:
    """What brings the site nearer to what it should be; None when it is there, is moving, or needs a person."""
    table: dict[tuple[SiteStatus, Wanted, bool], Action] = {
        (SiteStatus.RESERVED, Wanted.RUNNING, False): Action.INSTALL,
        (SiteStatus.RESERVED, Wanted.ARCHIVED, False): Action.ABANDON,
        (SiteStatus.RESERVED, Wanted.ARCHIVED, True): Action.ABANDON,
        (SiteStatus.ACTIVE, Wanted.RUNNING, True): Action.SUSPEND,
        (SiteStatus.ACTIVE, Wanted.ARCHIVED, False): Action.ARCHIVE,
        (SiteStatus.ACTIVE, Wanted.ARCHIVED, True): Action.ARCHIVE,
        (SiteStatus.SUSPENDED, Wanted.RUNNING, False): Action.RESUME,
        (SiteStatus.SUSPENDED, Wanted.ARCHIVED, False): Action.ARCHIVE,
        (SiteStatus.SUSPENDED, Wanted.ARCHIVED, True): Action.ARCHIVE,
        (SiteStatus.ARCHIVED, Wanted.RUNNING, False): Action.RESTORE,
    }
    return table.get((status, wanted, is_held))


def can_undo(archived_at: datetime | None, undo_until: datetime | None, now: datetime) -> bool:
    """Whether an archived site can still be brought back."""
    return archived_at is not None and undo_until is not None and now < undo_until


def retry_wait(failures: int) -> timedelta:
    """How long to wait after so many failed attempts in a row."""
    return timedelta(seconds=5 * 3 ** (failures - 1))


LONGEST_WAIT = retry_wait(MAX_FAILURES)
"""A moment further ahead was planned by a clock that was ahead; the attempt is due."""


def is_time(retry_at: datetime | None, now: datetime) -> bool:
    """Whether the next attempt may be made."""
    return retry_at is None or retry_at <= now or retry_at > now + LONGEST_WAIT


def repair_action(failed: Action, wanted: Wanted, *, is_held: bool, is_saved: bool) -> Action | None:
    """What a broken site is tried with next: what it should be counts, not what was tried when it broke.

    ``is_saved``: the archive that failed had proven its backup, so the host may hold nothing any more.
    None: nothing to try now; a hold has to go, or a person has to look.
    """
    if failed in {Action.CHANGE, Action.INSTALL}:
        # What is half made or half changed must not be saved or opened; holds, and the end of the site, are looked after
        # when it is whole.
        return failed
    if wanted is Wanted.ARCHIVED:
        return Action.ARCHIVE
    if failed is Action.RESTORE or is_saved:
        return None if is_held else Action.RESTORE
    return Action.SUSPEND if is_held else Action.RESUME


def compare(before: Iterable[str], after: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What comes to a set of apps, and what goes from it, in their order."""
    old, new = list(before), list(after)
    return tuple(app for app in new if app not in old), tuple(app for app in old if app not in new)


def say_difference(added: Sequence[str], removed: Sequence[str]) -> str:
    """What a change of apps does, in words."""
    parts = [f"{', '.join(added)} installed"] if added else []
    parts += [f"{', '.join(removed)} removed with its data"] if removed else []
    return f"Apps: {'; '.join(parts) or 'nothing changed'}."


def check_config(config: Mapping[str, object]) -> None:
    """Raises :class:`ConfigRefused` for a setting that looks like a secret: values are read by the whole team."""
    secrets = sorted(key for key in config if SECRET.search(key) and key not in NO_SECRETS)
    if secrets:
        message = (
            f"{', '.join(secrets)[:300]} looks like a secret, and settings are not kept secret: the whole team reads them, and "
            "they stand in jobs. Nothing was changed. Enter it inside the ERP instead."
        )
        raise ConfigRefused(message, keys=secrets)


def list_orphans(config: Iterable[str], removed: Iterable[str], kept: Iterable[str]) -> list[str]:
    """Settings that are named after an app that was removed; no engine takes them without it."""
    stays = tuple(f"{app}_" for app in kept)
    gone = tuple(f"{app}_" for app in removed)
    return sorted(key for key in config if key.startswith(gone) and not key.startswith(stays))


def is_same(before: Mapping[str, object], after: Mapping[str, object]) -> bool:
    """Whether two settings are equal; ``true`` is not 1."""
    return not list_differences(before, after)


def list_differences(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """Names of the settings that differ."""
    names = before.keys() | after.keys()
    return sorted(name for name in names if _as_typed(before.get(name)) != _as_typed(after.get(name)))


def _as_typed(value: object) -> tuple[str, object]:
    return type(value).__name__, value
