"""The public door: a hostname leads to one site, and nothing but that site answers there."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIEnvironment

import frappe.app
from bench_door.claims import REFUSED, Claims
from bench_door.pages import answer_closed, answer_json, answer_suspended, answer_unknown
from bench_door.requests import is_same_origin, read_hostname, read_json, start_without_secure
from bench_door.sites import Site, SiteMap, SiteState
from bench_door.static_files import StaticFiles

from .at_work import Requests
from .sessions import open_session

MAX_BODY = 16 * 1024
UP, PING = "/-/up", "/api/method/ping"
"""Where the outside asks whether the site serves, and what of Frappe answers at little cost, from the site's database."""
PUBLIC_FILES = "/files/"
FRAPPES_FILES = "/protected/"
"""What Frappe calls a site's folder when it leaves a file to nginx."""
OUR_FILES = "/-/files/"
DOWNLOADED = (".htm", ".html", ".svg", ".xml", ".xhtml")
"""Shown by a browser they could run scripts in the name of whoever looks at them."""
PAGE_POLICY = (
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
)


class Gateway:
    """WSGI application of the bench, behind its nginx."""

    def __init__(self, sites: SiteMap, claims: Claims, own: StaticFiles, requests: Requests) -> None:
        self._sites = sites
        self._requests = requests
        self._claims = claims
        self._own = own

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # nginx takes this header off whatever comes from outside.
        inside = environ.get("HTTP_X_PRESS_SITE")
        site = self._sites.find(inside) if inside else self._sites.find_by_hostname(read_hostname(environ))
        if environ["PATH_INFO"] == "/-/realtime" and (site is None or site.state is not SiteState.ACTIVE):
            return _forbid(start_response)
        if site is None:
            return answer_unknown(environ, start_response)
        # Counted before its state is read: whoever closes the site and then finds nobody at work is right.
        with self._requests.counted(site.site_id):
            return self._answer(environ, start_response, site.site_id)

    def _answer(
        self, environ: WSGIEnvironment, start_response: StartResponse, site_id: str
    ) -> Iterable[bytes]:
        site = self._sites.find(site_id)
        if site is None:
            return answer_unknown(environ, start_response)
        if site.state is SiteState.SUSPENDED:
            return answer_suspended(environ, start_response, site)
        if site.state is SiteState.CLOSED:
            return answer_closed(environ, start_response)
        return self._route(environ, start_response, site)

    def _route(self, environ: WSGIEnvironment, start_response: StartResponse, site: Site) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path == "/-/session" and method == "POST":
            return self._answer_session(environ, start_response, site)
        if path == "/-/realtime":
            return _answer_realtime(environ, start_response, site)
        if path == UP:
            environ["PATH_INFO"] = PING
        elif method in {"GET", "HEAD"}:
            if self._own.has(path):
                return self._own.answer(environ, start_response, *PAGE_POLICY)
            if path.startswith(PUBLIC_FILES):
                return _answer_file(start_response, site, path)
        return _answer_frappe(environ, start_response, site)

    def _answer_session(
        self, environ: WSGIEnvironment, start_response: StartResponse, site: Site
    ) -> Iterable[bytes]:
        call = read_json(environ, MAX_BODY)
        if call is None or not isinstance(call.get("token"), str) or not is_same_origin(environ):
            return answer_unknown(environ, start_response)
        login = self._claims.claim(site.site_id, call["token"])
        response = open_session(environ, site, login) if login is not None else None
        if response is None:
            return answer_json(start_response, HTTPStatus.GONE, {"detail": REFUSED})
        return list(response(environ, start_without_secure(environ, start_response)))


def _answer_frappe(environ: WSGIEnvironment, start_response: StartResponse, site: Site) -> Iterable[bytes]:
    environ["HTTP_X_FRAPPE_SITE_NAME"] = site.site_id
    environ["HTTP_X_USE_X_ACCEL_REDIRECT"] = "1"

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        led = [(name, _lead(name, value, site)) for name, value in headers]
        return start_response(status, led, exc_info)

    answer: Iterable[bytes] = frappe.app.application(environ, start_without_secure(environ, start))
    return answer


def _lead(name: str, value: str, site: Site) -> str:
    """Frappe does not say of which site a file is; nginx must know."""
    if name.lower() == "x-accel-redirect" and value.startswith(FRAPPES_FILES):
        return f"{OUR_FILES}{site.site_id}/{value.removeprefix(FRAPPES_FILES)}"
    return value


def _answer_file(start_response: StartResponse, site: Site, path: str) -> Iterable[bytes]:
    name = path.removeprefix(PUBLIC_FILES)
    raw = name.encode("latin-1")  # as WSGI has it
    headers = [
        ("X-Accel-Redirect", f"{OUR_FILES}{site.site_id}/public/files/{quote(raw)}"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Length", "0"),
    ]
    if name.lower().endswith(DOWNLOADED):
        headers.append(("Content-Disposition", "attachment"))
    # nginx knows the type by the name, unless one is said here.
    start_response("200 OK", headers)
    return []


def _answer_realtime(environ: WSGIEnvironment, start_response: StartResponse, site: Site) -> Iterable[bytes]:
    """Say to nginx whose realtime it is; a page of another site gets none."""
    if not is_same_origin(environ):
        return _forbid(start_response)
    start_response("204 No Content", [("X-Press-Site", site.site_id)])
    return []


def _forbid(start_response: StartResponse) -> Iterable[bytes]:
    """The one refusal that nginx passes on when it asks for leave."""
    start_response("403 Forbidden", [])
    return []
