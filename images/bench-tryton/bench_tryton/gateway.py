"""The public door: a hostname leads to one database, and nothing but that database answers there."""

import re
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import trytond.res.user
import trytond.security
from bench_door.pages import answer_closed, answer_json, answer_page, answer_suspended, answer_unknown
from bench_door.requests import is_same_origin, read_hostname, read_json, start_without_secure
from bench_door.sites import Site, SiteMap, SiteState
from bench_door.static_files import StaticFiles
from trytond import __series__
from trytond.wsgi import app as trytond_app
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from .login_link import LoginLinks
from .pools import DatabaseMissing, PoolKeeper
from .tenant_lock import TenantBusy, TenantLocks

CROOKED = re.compile(r"//|/\.\.?(/|$)")
"""Paths that some program on the way may straighten into another one."""
MAX_ROOT_BODY = 16 * 1024
APP_HEADERS = (("X-Frame-Options", "SAMEORIGIN"), ("Referrer-Policy", "same-origin"))
PAGE_POLICY = (
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
)
Answer = Callable[[WSGIEnvironment, StartResponse, Site], Iterable[bytes]]


class Gateway:
    """WSGI application of the bench. Everything that it does not know is 404."""

    def __init__(
        self,
        sites: SiteMap,
        locks: TenantLocks,
        pools: PoolKeeper,
        links: LoginLinks,
        client: StaticFiles,
        own: StaticFiles,
    ) -> None:
        self._sites = sites
        self._locks = locks
        self._pools = pools
        self._links = links
        self._client = client
        self._own = own
        let_go_while_sleeping(locks)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        site = self._sites.find_by_hostname(read_hostname(environ))
        if site is None:
            return answer_unknown(environ, start_response)
        if site.state is SiteState.SUSPENDED:
            return answer_suspended(environ, start_response, site)
        if site.state is SiteState.CLOSED:
            return answer_closed(environ, start_response)
        answer = self._route(environ["REQUEST_METHOD"], environ["PATH_INFO"], site.site_id)
        return answer(environ, start_response, site)

    def _route(self, method: str, path: str, database: str) -> Answer:
        if path.startswith(f"/{database}/") and not CROOKED.search(path):
            return self._answer_tenant
        if path == "/rpc/" and method == "POST":
            return self._answer_root
        if path == "/-/session" and method == "POST":
            return self._answer_session
        if path == "/-/up":
            return self._answer_up
        if method in {"GET", "HEAD"}:
            if self._client.has(path):
                return lambda environ, start, _: self._client.answer(environ, start, *APP_HEADERS)
            if self._own.has(path):
                return lambda environ, start, _: self._own.answer(environ, start, *PAGE_POLICY)
        return lambda environ, start, _: answer_unknown(environ, start)

    def _answer_up(
        self, environ: WSGIEnvironment, start_response: StartResponse, site: Site
    ) -> Iterable[bytes]:
        """Say that the site serves, without loading what nobody uses."""
        if not self._pools.stands(site.site_id):
            return answer_closed(environ, start_response)
        return answer_json(start_response, HTTPStatus.OK, {"up": True})

    def _answer_tenant(
        self, environ: WSGIEnvironment, start_response: StartResponse, site: Site
    ) -> Iterable[bytes]:
        # Tryton sends compressed bytes or a wrong header to a client that does not say it takes gzip.
        environ.setdefault("HTTP_ACCEPT_ENCODING", "gzip")

        def answer() -> Iterable[bytes]:
            with self._pools.using(site.site_id):
                return list(trytond_app(environ, start_without_secure(environ, start_response)))

        return self._work(environ, start_response, site, answer)

    def _work(
        self,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        site: Site,
        answer: Callable[[], Iterable[bytes]],
    ) -> Iterable[bytes]:
        """Answer from the site's data, alone with them."""
        try:
            with self._locks.hold(site.site_id):
                # Read again: who waited for the lock may have waited for somebody who closed the site.
                now = self._sites.find(site.site_id)
                if now is None or now.state is not SiteState.ACTIVE:
                    return answer_closed(environ, start_response)
                return answer()
        except HTTPException as refusal:
            # Tryton raises some of its refusals past its own handler: a foreign origin would look like a crash.
            return refusal(environ, start_response)
        except DatabaseMissing:
            return answer_closed(environ, start_response)
        except TenantBusy:
            text = "Another task is using this site's data for a long time. Nothing was changed; try again in a minute."
            status = HTTPStatus.SERVICE_UNAVAILABLE
            return answer_page(environ, start_response, status, "Busy", text, ("Retry-After", "10"))

    def _answer_root(
        self, environ: WSGIEnvironment, start_response: StartResponse, site: Site
    ) -> Iterable[bytes]:
        call = read_json(environ, MAX_ROOT_BODY)
        results: dict[str, object] = {
            "common.server.version": __series__,
            "common.db.list": [site.site_id],
            "common.authentication.services": [],
        }
        if call is None or call.get("method") not in results:
            return answer_unknown(environ, start_response)
        return answer_json(
            start_response, HTTPStatus.OK, {"id": call.get("id"), "result": results[call["method"]]}
        )

    def _answer_session(
        self, environ: WSGIEnvironment, start_response: StartResponse, site: Site
    ) -> Iterable[bytes]:
        call = read_json(environ, MAX_ROOT_BODY)
        if call is None or not isinstance(call.get("token"), str) or not is_same_origin(environ):
            return answer_unknown(environ, start_response)
        token = call["token"]

        def answer() -> Iterable[bytes]:
            response = self._links.redeem(environ, site, token)
            return list(response(environ, start_without_secure(environ, start_response)))

        return self._work(environ, start_response, site, answer)


def wrap_proxy(gateway: Gateway, num_proxies: int) -> Any:
    """Read the client's address and scheme from the proxy's headers; the Host header stays what the proxy passed on."""
    return (
        ProxyFix(gateway, x_for=num_proxies, x_proto=num_proxies, x_host=0, x_port=0, x_prefix=0)
        if num_proxies
        else gateway
    )


def let_go_while_sleeping(locks: TenantLocks) -> None:
    """Failed logins sleep to slow guessing down; that must not keep the tenant's other people waiting."""

    class _Time:
        def __getattr__(self, name: str) -> Any:
            return getattr(time, name)

        @staticmethod
        def sleep(seconds: float) -> None:
            with locks.released():
                time.sleep(seconds)

    trytond.res.user.time = trytond.security.time = _Time()
