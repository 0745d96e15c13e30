"""One-time login: a token that the agent announced opens one session of one user of one site, once."""

import hashlib
import json
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIEnvironment

from trytond.pool import Pool
from trytond.protocols.wrappers import Response, add_auth_cookies
from trytond.transaction import Transaction
from werkzeug.wrappers import Request

from .pools import PoolKeeper
from .sites import Site
from .tenant_lock import TenantLocks

REFUSED = "This link was used already or is too old. Ask for a new one."


class LoginLinks:
    """Announced tokens as ``<folder>/<database>/<sha256 of the token>.json``: ``{"login", "expires_at": <epoch seconds>}``."""

    def __init__(self, folder: Path, locks: TenantLocks, pools: PoolKeeper) -> None:
        self._folder = folder
        self._locks = locks
        self._pools = pools

    def redeem(self, environ: WSGIEnvironment, site: Site, token: str) -> Any:
        """Answer with a session's cookie, or 410 when the token is not, or no longer, good for this site."""
        login = self._claim(site.database, token)
        remote = Request(environ).remote_addr
        opened = self._open_session(site.database, login, remote) if login is not None else None
        if login is None or opened is None:
            return _answer(HTTPStatus.GONE, {"detail": REFUSED})
        user_id, key = opened
        response = _answer(HTTPStatus.OK, {"database": site.database, "login": login, "user_id": user_id})
        add_auth_cookies(response, site.database, login, str(user_id), key)
        return response

    def _claim(self, database: str, token: str) -> str | None:
        """Mark the token as used and return its login; whoever renames the file first has it, even after a crash.

        The used mark stays, so that an announcement that is repeated later cannot bring the token back.
        """
        path = self._folder / database / f"{hashlib.sha256(token.encode()).hexdigest()}.json"
        try:
            announced = json.loads(path.read_text())
            path.rename(path.with_suffix(".used"))
        except FileNotFoundError:
            return None
        return str(announced["login"]) if announced["expires_at"] > time.time() else None

    def _open_session(self, database: str, login: str, remote: str | None) -> tuple[int, str] | None:
        context = {"_request": {"remote_addr": remote}}
        with self._locks.hold(database), self._pools.using(database):
            with Transaction().start(database, 0, readonly=True, context=context):
                users = Pool().get("res.user").search([("login", "=", login)])
            if not users:
                return None
            user_id = int(users[0].id)
            with Transaction().start(database, user_id, context=context):
                return user_id, str(Pool().get("ir.session").new())


def _answer(status: HTTPStatus, value: object) -> Any:
    response = Response(json.dumps(value), status=status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
