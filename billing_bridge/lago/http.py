"""Lago over HTTP: a thin typed client with time limits, retries of reads and complete listings."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import requests
import stamina

from billing_bridge.errors import LagoRefused, LagoUnreadable
from billing_bridge.lago import parse
from billing_bridge.policy import Customer, Entitlements, Generation, Invoice, Status

Params = Sequence[tuple[str, str]]
ALL_STATUSES: Params = [("status[]", status.value) for status in Status]
"""Every status by its exact name: one unknown word would silently switch Lago's filter off."""
PER_PAGE = 100
MAX_PAGES = 10_000
LONGEST_WAIT = 20.0
NOT_FOUND = 404
TOO_MANY = 429
SERVER_ERROR = 500


class _Again(Exception):
    """A read that may succeed when repeated; `wait` in seconds when Lago named one."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


def _should_retry(error: Exception) -> bool | float:
    if not isinstance(error, _Again):
        return False
    return True if error.wait is None else min(error.wait, LONGEST_WAIT)


class LagoHttp:
    """The real adapter of the port `Lago`; one connection pool per thread."""

    def __init__(self, *, api_url: str, api_key: str, timeout: float, attempts: int = 3) -> None:
        self._root = api_url.rstrip("/")
        self._key = api_key
        self._timeout = timeout
        self._attempts = attempts
        self._local = threading.local()

    def list_subscriptions(
        self,
        *,
        external_id: str | None = None,
        plan_code: str | None = None,
        external_customer_id: str | None = None,
    ) -> list[Generation]:
        wanted = {
            "external_id": external_id,
            "plan_code": plan_code,
            "external_customer_id": external_customer_id,
        }
        params = [(key, value) for key, value in wanted.items() if value is not None]
        items = self._list("subscriptions", [*params, *ALL_STATUSES], exact=True)
        found = [parse.generation(item) for item in items]
        # Before v1.50 Lago ignores the filter by external id and answers with everything.
        return [
            g
            for g in found
            if all(value is None or getattr(g, key) == value for key, value in wanted.items())
        ]

    def list_unpaid_invoices(self, *, external_customer_id: str | None = None) -> list[Invoice]:
        common = [("status", "finalized")]
        if external_customer_id is not None:
            common.append(("external_customer_id", external_customer_id))
        listed: dict[str, None] = {}
        for condition in (("payment_status", "failed"), ("payment_overdue", "true")):
            for item in self._list("invoices", [*common, condition], exact=False):
                if isinstance(item.get("lago_id"), str):
                    listed[item["lago_id"]] = None
        # The listing names no subscriptions; only the single invoice does.
        found = [self.find_invoice(lago_id) for lago_id in listed]
        return [invoice for invoice in found if invoice is not None]

    def find_invoice(self, lago_id: str) -> Invoice | None:
        answer = self._find(("invoices", lago_id), "invoice")
        return None if answer is None else parse.invoice(answer)

    def find_customer(self, external_id: str) -> Customer | None:
        if "." in external_id:  # In the path Lago cuts an id at its first dot.
            items = self._list("customers", [("external_id", external_id)], exact=False)
            answer = next((item for item in items if item.get("external_id") == external_id), None)
        else:
            answer = self._find(("customers", external_id), "customer")
        return None if answer is None else parse.customer(answer)

    def find_entitlements(self, external_id: str, plan_code: str) -> Entitlements | None:
        for path in (("subscriptions", external_id, "entitlements"), ("plans", plan_code, "entitlements")):
            answer = self._get(path, [])
            features = answer.get("entitlements") if answer is not None else None
            if isinstance(features, list) and features:
                return parse.entitlements(features)
        return None

    def list_plan_entitlements(self) -> dict[str, Entitlements | None]:
        return {
            item["code"]: parse.entitlements(item.get("entitlements") or [])
            for item in self._list("plans", [], exact=False)
            if isinstance(item.get("code"), str)
        }

    def check(self, *, timeout: float) -> None:
        try:
            answer = self._once(("plans",), [("per_page", "1")], timeout)
        except _Again as error:
            raise LagoUnreadable(str(error)) from error
        if answer is None:
            raise LagoRefused("Lago answered 404 to GET plans. Check PRESS_BRIDGE_LAGO_API_URL.")

    def _find(self, path: tuple[str, ...], key: str) -> Mapping[str, Any] | None:
        answer = self._get(path, [])
        if answer is None:
            return None
        if not isinstance(answer.get(key), Mapping):
            raise LagoUnreadable(f"Lago's answer to {'/'.join(path)} holds no {key}; nothing was changed.")
        return dict(answer[key])

    def _list(self, resource: str, params: Params, *, exact: bool) -> list[Mapping[str, Any]]:
        """Every item of a listing, following next_page until it is null; empty pages are normal.

        `exact` demands as many different items as Lago counted: rows may slip between two pages.
        """
        items, total = self._pages(resource, params)
        if exact and len(items) < total:
            items, total = self._pages(resource, params)
            if len(items) < total:
                raise LagoUnreadable(
                    f"Lago counted {total} {resource} but listed {len(items)}; nothing was changed. "
                    "The next reading usually succeeds."
                )
        return items

    def _pages(self, resource: str, params: Params) -> tuple[list[Mapping[str, Any]], int]:
        found: dict[str, Mapping[str, Any]] = {}
        page: int = 1
        for _ in range(MAX_PAGES):
            answer = self._get((resource,), [*params, ("page", str(page)), ("per_page", str(PER_PAGE))])
            items = (answer or {}).get(resource)
            meta = (answer or {}).get("meta")
            if not isinstance(items, list) or not isinstance(meta, Mapping):
                raise LagoUnreadable(
                    f"Lago's listing of {resource} has no items or no meta; nothing was changed."
                )
            found |= {str(item.get("lago_id")): item for item in items if isinstance(item, Mapping)}
            following = meta.get("next_page")
            if not isinstance(following, int) or following <= page:
                total = meta.get("total_count")
                return list(found.values()), total if isinstance(total, int) else 0
            page = following
        raise LagoUnreadable(f"Lago's listing of {resource} does not end; nothing was changed.")

    def _get(self, path: tuple[str, ...], params: Params) -> dict[str, Any] | None:
        """One read with retries; None for 404."""
        try:
            for attempt in stamina.retry_context(
                on=_should_retry, attempts=self._attempts, timeout=60, wait_initial=0.1, wait_max=5
            ):
                with attempt:
                    return self._once(path, params, self._timeout)
        except _Again as error:
            raise LagoUnreadable(f"{error} Nothing was changed; it is tried again later.") from error
        raise LagoUnreadable("Lago was not asked.")

    def _once(self, path: tuple[str, ...], params: Params, timeout: float) -> dict[str, Any] | None:
        url = f"{self._root}/api/v1/{'/'.join(_quoted(part) for part in path)}"
        try:
            response = self._session().get(url, params=list(params), timeout=timeout, allow_redirects=False)
        except requests.RequestException as error:
            raise _Again(f"Lago at {self._root} did not answer ({type(error).__name__}).") from error
        where = f"Lago answered {response.status_code} to GET {'/'.join(path)}."
        if response.status_code == TOO_MANY or response.status_code >= SERVER_ERROR:
            raise _Again(where, _named_wait(response.headers))
        if response.status_code == NOT_FOUND:
            return None
        if not response.ok or response.is_redirect:
            raise LagoRefused(
                f"{where} Nothing was changed. Check PRESS_BRIDGE_LAGO_API_URL and the API key."
            )
        try:
            answer = response.json()
        except ValueError as error:
            raise _Again(f"{where[:-1]}, but with no JSON.") from error
        if not isinstance(answer, dict):
            raise LagoUnreadable(f"{where[:-1]}, but with no object. Nothing was changed.")
        return answer

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            session.headers.update({"Authorization": f"Bearer {self._key}", "Accept": "application/json"})
            self._local.session = session
        return session


def _quoted(part: str) -> str:
    if part in {"", ".", ".."}:
        raise LagoRefused(
            f"The id {part!r} cannot stand in an address; nothing was changed. Rename it in Lago."
        )
    return quote(part, safe="")


def _named_wait(headers: Mapping[str, str]) -> float | None:
    for name in ("Retry-After", "X-RateLimit-Reset"):
        try:
            return max(float(headers[name]), 0.0)
        except (KeyError, ValueError):
            continue
    return None
