"""A session without a password, for whoever has a good token."""

import io
import json
from typing import Any
from wsgiref.types import WSGIEnvironment

import frappe
import frappe.app
from bench_door.sites import Site
from werkzeug.wrappers import Request, Response


def open_session(environ: WSGIEnvironment, site: Site, login: str) -> Any | None:
    """Open a session of the enabled user with this name, address or user name. Returns the answer, None without such a user."""
    request = Request(
        {
            **environ,
            "HTTP_X_FRAPPE_SITE_NAME": site.site_id,
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/api/method/ping",
            "QUERY_STRING": "",
            "CONTENT_LENGTH": "0",
            "wsgi.input": io.BytesIO(),
            # Somebody else's session, or a stale one, is not to be resumed on the way.
            "HTTP_COOKIE": "",
        }
    )
    try:
        frappe.app.init_request(request)
        user = find_user(login)
        if user is None:
            return None
        frappe.local.login_manager.login_as(user)
        frappe.db.commit()
        body = {"login": login, "home": "/app"}
        response = Response(json.dumps(body), content_type="application/json")
        response.headers["Cache-Control"] = "no-store"
        frappe.local.cookie_manager.flush_cookies(response=response)
        return response
    finally:
        frappe.destroy()


def find_user(login: str) -> str | None:
    """Return the name of the enabled user who is called so."""
    found = frappe.db.sql(
        "SELECT name FROM tabUser WHERE enabled = 1 AND (name = %s OR username = %s) ORDER BY name = %s DESC",
        (login, login, login),
    )
    return str(found[0][0]) if found else None
