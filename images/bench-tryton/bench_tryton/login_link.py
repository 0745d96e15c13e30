"""One-time login: a token that the agent announced opens one session of one user of one site, once."""

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIEnvironment

from bench_door.claims import REFUSED, Claims
from bench_door.sites import Site
from trytond.pool import Pool
from trytond.protocols.wrappers import Response, add_auth_cookies
from trytond.transaction import Transaction
from werkzeug.wrappers import Request

from .pools import PoolKeeper


class LoginLinks:
    """Sessions for the claims that are good."""

    def __init__(self, bench: Path, pools: PoolKeeper) -> None:
        self._claims = Claims(bench)
        self._pools = pools

    def redeem(self, environ: WSGIEnvironment, site: Site, token: str) -> Any:
        """For whoever holds the database's lock: answer with a session's cookie, or 410 when the token is not, or no longer, good for this site."""
        login = self._claims.claim(site.site_id, token)
        remote = Request(environ).remote_addr
        opened = self._open_session(site.site_id, login, remote) if login is not None else None
        if login is None or opened is None:
            return _answer(HTTPStatus.GONE, {"detail": REFUSED})
        user_id, key = opened
        response = _answer(HTTPStatus.OK, {"database": site.site_id, "login": login, "user_id": user_id})
        add_auth_cookies(response, site.site_id, login, str(user_id), key)
        return response

    def _open_session(self, database: str, login: str, remote: str | None) -> tuple[int, str] | None:
        context = {"_request": {"remote_addr": remote}}
        with self._pools.using(database):
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
