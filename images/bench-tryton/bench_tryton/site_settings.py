"""What is set for one site and not for the bench: Tryton asks its configuration, and gets the site's own answer.

Tryton reads these options from one file for all databases. Each is read while a transaction of the site's database runs,
so the modules that read them are given a configuration that looks into the site's file first.
"""

import smtplib
from typing import Any

import trytond.ir.session
import trytond.res.user
import trytond.security
import trytond.sendmail
from bench_door.sites import SiteMap
from trytond import config
from trytond.exceptions import UserError
from trytond.transaction import Transaction

IDLE = "session_idle_minutes"
OPTIONS = {("session", "timeout"): (IDLE, 60), ("password", "length"): ("password_length", 1)}
"""Tryton's option: the site's setting, and how many of the one make one of the other."""
MUTED = "This site is a copy of another one. It sends no mail, so that nobody takes it for the real one."


def apply(sites: SiteMap) -> None:
    """Let the sites' settings count in this process; call it once, before the first request."""
    trytond.ir.session.config = trytond.res.user.config = _Configuration(sites)
    _end_idle_sessions(sites)
    _keep_copies_silent(sites)


class _Configuration:
    """Tryton's configuration, with what the site of the transaction has set otherwise."""

    def __init__(self, sites: SiteMap) -> None:
        self._sites = sites

    def __getattr__(self, name: str) -> Any:
        return getattr(config, name)

    def getint(self, section: str, option: str, **options: Any) -> int:
        key, times = OPTIONS.get((section, option), ("", 1))
        value = _find(self._sites, key, _get_database())
        return int(config.getint(section, option, **options)) if value is None else value * times


def _find(sites: SiteMap, key: str, database: str | None) -> int | None:
    site = sites.find(database or "")
    value = site.config.get(key) if site is not None else None
    return value if isinstance(value, int) else None


def _get_database() -> str | None:
    database = Transaction().database
    return None if database is None else str(database.name)


def _end_idle_sessions(sites: SiteMap) -> None:
    """Tryton asks for the time since the last request only before a few delicate ones; a site can have it asked before all."""
    check = trytond.security.check

    def check_both(dbname: str, user: int, session: str, context: Any = None) -> Any:
        found = check(dbname, user, session, context=context)
        if found is None or _find(sites, IDLE, dbname) is None:
            return found
        return found if trytond.security.check_timeout(dbname, user, session, context=context) else None

    trytond.security.check = check_both


def _keep_copies_silent(sites: SiteMap) -> None:
    connect = trytond.sendmail.get_smtp_server

    def connect_unless_muted(uri: str | None = None, strict: bool = False) -> smtplib.SMTP | None:
        site = sites.find(_get_database() or "")
        if site is None or not site.muted:
            return connect(uri, strict=strict)
        if strict:
            raise UserError(MUTED)
        return None

    trytond.sendmail.get_smtp_server = connect_unless_muted
