"""What the agent's door does with a site."""

import json
from http import HTTPStatus

import frappe.app
import redis
from werkzeug.test import Client

from .at_work import Requests, has_jobs
from .layout import BenchFolder


class FrappeActions:
    """Warms a site up, forgets what the cache holds of it, looks whether anything works on it."""

    def __init__(
        self,
        folder: BenchFolder,
        cache: "redis.Redis[bytes]",
        queue: "redis.Redis[bytes]",
        requests: Requests,
    ) -> None:
        self._folder = folder
        self._cache = cache
        self._queue = queue
        self._requests = requests

    def load(self, site_id: str) -> bool:
        headers = {"X-Frappe-Site-Name": site_id}
        return (
            Client(frappe.app.application).get("/api/method/ping", headers=headers).status_code
            == HTTPStatus.OK
        )

    def unload(self, site_id: str) -> bool:
        """Sessions are believed from the cache, so they end here too."""
        try:
            text = (self._folder.sites / site_id / "site_config.json").read_text("utf-8")
            database = str(json.loads(text)["db_name"])
        except (OSError, ValueError, KeyError, TypeError):
            # Damaged settings lead to no session either; the agent writes them anew.
            return False
        keys = list(self._cache.scan_iter(match=f"{database}|*", count=1000))
        return bool(keys and self._cache.unlink(*keys))

    def is_idle(self, site_id: str) -> bool:
        """Queued jobs count: they would not find the site again when it comes back elsewhere."""
        return self._requests.count(site_id) == 0 and not has_jobs(self._queue, site_id)

    def forget(self, site_id: str) -> None:
        self.unload(site_id)

    def measure(self) -> dict[str, object]:
        return {}
