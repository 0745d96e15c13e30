"""What the agent's door does with a site."""

import json
from http import HTTPStatus

import frappe.app
import redis
from werkzeug.test import Client

from .layout import BenchFolder


class FrappeActions:
    """Warms a site up, and forgets what the cache holds of it."""

    def __init__(self, folder: BenchFolder, cache: "redis.Redis[bytes]") -> None:
        self._folder = folder
        self._cache = cache

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

    def forget(self, site_id: str) -> None:
        self.unload(site_id)

    def measure(self) -> dict[str, object]:
        return {}
