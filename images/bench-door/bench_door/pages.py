"""The few answers that the bench gives itself."""

import html
import json
from collections.abc import Iterable
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIEnvironment

from .sites import Site

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title></head>
<body><main><h1>{title}</h1><p>{text}</p></main></body></html>
"""
PAGE_HEADERS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)


def answer_page(
    environ: WSGIEnvironment,
    start_response: StartResponse,
    status: HTTPStatus,
    title: str,
    text: str,
    *headers: tuple[str, str],
) -> Iterable[bytes]:
    """Answer people with a page and programs with JSON that says the same."""
    if "json" in environ.get("CONTENT_TYPE", "") or "json" in environ.get("HTTP_ACCEPT", ""):
        return answer_json(
            start_response, status, {"status": status, "title": title, "detail": text}, *headers
        )
    body = PAGE.format(title=html.escape(title), text=html.escape(text)).encode()
    kind = ("Content-Type", "text/html; charset=utf-8")
    start_response(
        f"{status.value} {status.phrase}", [kind, ("Content-Length", str(len(body))), *PAGE_HEADERS, *headers]
    )
    return [body]


def answer_json(
    start_response: StartResponse, status: HTTPStatus, value: object, *headers: tuple[str, str]
) -> Iterable[bytes]:
    body = json.dumps(value).encode()
    kind = ("Content-Type", "application/json")
    fixed = [
        kind,
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    start_response(f"{status.value} {status.phrase}", [*fixed, *headers])
    return [body]


def answer_unknown(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    return answer_page(
        environ, start_response, HTTPStatus.NOT_FOUND, "Not found", "There is nothing at this address."
    )


def answer_suspended(environ: WSGIEnvironment, start_response: StartResponse, site: Site) -> Iterable[bytes]:
    text = "This site is suspended; its data are safe. Its owner can find the reason and the way out in the account."
    status = HTTPStatus.PAYMENT_REQUIRED
    return answer_page(environ, start_response, status, "Suspended", text, ("X-Site-State", site.state))


def answer_closed(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    text = "This site is being worked on and will be back soon."
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return answer_page(environ, start_response, status, "Back soon", text, ("Retry-After", "10"))
