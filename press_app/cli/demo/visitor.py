"""Somebody at a site, seen through the edge: the address names the edge, the Host header the site."""

from typing import Any
from urllib.parse import urlsplit

import requests

from press_app.cli.failures import CommandFailed

TIMEOUT = (5.0, 30.0)


class Visitor:
    """A browser without a window. ``edge_url`` is where the edge listens; names need not resolve."""

    def __init__(self, site_url: str, edge_url: str) -> None:
        self._edge = edge_url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Host"] = urlsplit(site_url).netloc

    def look(self, path: str = "/") -> int:
        """The status that a visitor gets; 0 when nobody answers."""
        try:
            return self._session.get(self._edge + path, timeout=TIMEOUT, allow_redirects=False).status_code
        except requests.RequestException:
            return 0

    def read(self, path: str) -> str:
        """A page's text. Raises :class:`CommandFailed` unless it is answered with 200."""
        return self._checked("GET", path).text

    def send(self, path: str, body: Any) -> Any:
        """Post JSON, get JSON. Raises :class:`CommandFailed` unless it is answered with 200."""
        return self._checked("POST", path, body).json()

    def _checked(self, method: str, path: str, body: Any = None) -> requests.Response:
        try:
            answer = self._session.request(method, self._edge + path, json=body, timeout=TIMEOUT)
        except requests.RequestException as error:
            message = f"The edge at {self._edge} does not answer ({type(error).__name__})."
            raise CommandFailed(message, code="edge_unreachable") from error
        if answer.status_code != requests.codes.ok:
            message = f"The site answered {method} {path} with {answer.status_code} through the edge."
            raise CommandFailed(message, code="site_refused", http_status=answer.status_code)
        return answer
