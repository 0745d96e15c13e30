"""The control plane's subscription API: one idempotent PUT, one listing."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import requests
import stamina

from billing_bridge.errors import PressRefused, PressUnreachable

PER_PAGE = 200
MAX_PAGES = 10_000
TOO_MANY = 429
SERVER_ERROR = 500


class PressClient:
    """Speaks `docs/contracts/bridge.md`; one connection pool per thread, `timeout` in seconds."""

    def __init__(self, *, api_url: str, token: str, timeout: float, attempts: int = 3) -> None:
        self._root = api_url.rstrip("/")
        self._token = token
        self._timeout = timeout
        self._attempts = attempts
        self._local = threading.local()

    def put_subscription(
        self, external_id: str, body: Mapping[str, Any], *, correlation_id: str
    ) -> dict[str, Any]:
        """Store a wanted state; answers the control plane's view of it.

        Raises `PressUnreachable` when it could not be asked and `PressRefused` when it said no.
        """
        if external_id in {"", ".", ".."}:
            raise PressRefused(f"The id {external_id!r} cannot stand in an address; rename it in Lago.")
        path = f"/v1/subscriptions/{quote(external_id, safe='')}"
        return self._call("PUT", path, correlation_id=correlation_id, json=dict(body))

    def list_subscriptions(self, *, correlation_id: str) -> Iterator[dict[str, Any]]:
        """Every subscription the control plane holds; complete, or it raises on the way."""
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            params = {"limit": str(PER_PAGE)} | ({"cursor": cursor} if cursor else {})
            answer = self._call("GET", "/v1/subscriptions", correlation_id=correlation_id, params=params)
            items = answer.get("items")
            if not isinstance(items, list):
                raise PressRefused("The control plane's listing holds no items; nothing was changed.")
            yield from items
            cursor = answer.get("next_cursor")
            if not cursor:
                return
        raise PressRefused("The control plane's listing does not end; nothing was changed.")

    def check(self, *, timeout: float) -> None:
        """One cheap authenticated read without retries; raises like the other calls."""
        try:
            self._once("GET", "/v1/subscriptions", "ready", timeout=timeout, params={"limit": "1"})
        except _Again as error:
            raise PressUnreachable(str(error)) from error
        except requests.RequestException as error:
            raise PressUnreachable(self._silence(error)) from error

    def _call(self, method: str, path: str, *, correlation_id: str, **parts: Any) -> dict[str, Any]:
        try:
            for attempt in stamina.retry_context(
                on=(requests.ConnectionError, requests.Timeout, _Again),
                attempts=self._attempts,
                timeout=45,
                wait_initial=0.1,
                wait_max=2,
            ):
                with attempt:
                    return self._once(method, path, correlation_id, timeout=self._timeout, **parts)
        except _Again as error:
            raise PressUnreachable(f"{error} It is sent again later.") from error
        except requests.RequestException as error:
            raise PressUnreachable(self._silence(error)) from error
        raise PressUnreachable("The control plane was not asked.")

    def _once(
        self, method: str, path: str, correlation_id: str, *, timeout: float, **parts: Any
    ) -> dict[str, Any]:
        response = self._session().request(
            method,
            f"{self._root}{path}",
            timeout=timeout,
            allow_redirects=False,
            headers={"X-Correlation-ID": correlation_id},
            **parts,
        )
        if response.status_code == TOO_MANY or response.status_code >= SERVER_ERROR:
            raise _Again(f"The control plane answered {response.status_code} to {method} {path}.")
        answer = _json(response)
        if not response.ok or response.is_redirect or answer is None:
            said = (answer or {}).get("detail") or (answer or {}).get("title") or "no reason given"
            raise PressRefused(
                f"The control plane answered {response.status_code} to {method} {path}: {said}",
                code=(answer or {}).get("code"),
            )
        return answer

    def _silence(self, error: requests.RequestException) -> str:
        return f"The control plane at {self._root} did not answer ({type(error).__name__}); it is asked again later."

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            session.headers.update({"Authorization": f"Bearer {self._token}", "Accept": "application/json"})
            self._local.session = session
        return session


class _Again(Exception):
    """An answer that may be better next time."""


def _json(response: requests.Response) -> dict[str, Any] | None:
    try:
        answer = response.json()
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None
