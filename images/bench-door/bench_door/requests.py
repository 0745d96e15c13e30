"""What a bench reads of a request before it believes it."""

import json
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment


def read_hostname(environ: WSGIEnvironment) -> str:
    """Return the name the browser asked for, lower case, without the port."""
    host = str(environ.get("HTTP_HOST", "")).lower()
    return host.rsplit(":", 1)[0] if ":" in host and not host.endswith("]") else host


def start_without_secure(environ: WSGIEnvironment, start_response: StartResponse) -> StartResponse:
    """Over plain http take ``Secure`` off the cookies: a browser would drop them, and every login would seem to fail."""
    if environ.get("wsgi.url_scheme") == "https":
        return start_response

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        cleaned = [(k, v.replace("; Secure", "") if k.lower() == "set-cookie" else v) for k, v in headers]
        return start_response(status, cleaned, exc_info)

    return start


def read_json(environ: WSGIEnvironment, max_bytes: int) -> dict[str, Any] | None:
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if not 0 < length <= max_bytes or "application/json" not in environ.get("CONTENT_TYPE", ""):
            return None
        value = json.loads(environ["wsgi.input"].read(length))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def is_same_origin(environ: WSGIEnvironment) -> bool:
    """A page of another site must not log its visitor into this one."""
    origin = environ.get("HTTP_ORIGIN")
    return origin is None or origin.split("://")[-1] == environ.get("HTTP_HOST")
