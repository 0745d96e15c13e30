"""A person at a Frappe site: the desk's requests, without the browser."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Self

import requests

from agent.engines.port import ConfigValue, Locale, Source
from agent.engines.probe import SiteDoor

TIMEOUT_SECONDS = 60.0
ASKER = "https://shop.example"
BASE = ("frappe", "erpnext")
"""What the app ``base`` is made of."""


class FrappeClient:
    """One session at one site."""

    def __init__(self, door: SiteDoor) -> None:
        self._door = door
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers.update({"Host": door.hostname, "Accept": "application/json"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def log_in(self) -> None:
        """Open a session with login and password."""
        self.post("/api/method/login", {"usr": self._door.login, "pwd": self._door.password})
        self.require_session()

    def use_token(self, path: str, token: str) -> None:
        """Open a session with a one-time token, as the page at ``path`` does."""
        self._http.get(self._door.bench_url + path, timeout=TIMEOUT_SECONDS).raise_for_status()
        self.post("/-/session", {"token": token})
        self.require_session()

    def post(self, path: str, body: dict[str, object]) -> Any:
        answer = self._http.post(self._door.bench_url + path, json=body, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        return answer.json()

    def get(self, path: str, **query: str) -> Any:
        answer = self._http.get(self._door.bench_url + path, params=query, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        return answer.json()

    def is_open_to(self, origin: str) -> bool:
        """Whether pages of this origin may read what the site answers."""
        url = f"{self._door.bench_url}/api/method/ping"
        answer = self._http.get(url, headers={"Origin": origin}, timeout=TIMEOUT_SECONDS)
        return answer.headers.get("Access-Control-Allow-Origin") == origin

    def require_session(self) -> None:
        """Raise unless somebody is logged in. A guest has a session as well; only who can log in is somebody."""
        user = self.get("/api/method/frappe.auth.get_logged_user")["message"]
        if user == "Guest":
            raise requests.HTTPError("the session is a guest's")


class FrappeProbe:
    """Uses a site as its people do."""

    app_sets = (("base",),)
    engine_version = "15"
    memory_bytes = 1 << 30
    locale = Locale(country="DE", currency="EUR", language="de", time_zone="Europe/Berlin")
    config: Mapping[str, ConfigValue] = {"allow_cors": ASKER}

    def __init__(self, sources: tuple[Source, ...]) -> None:
        self.sources = sources

    @property
    def extra_app(self) -> str | None:
        return next((source.app for source in self.sources if source.app not in BASE), None)

    def can_log_in(self, door: SiteDoor) -> bool:
        try:
            with FrappeClient(door) as client:
                client.log_in()
        except requests.RequestException:
            return False
        return True

    def can_use_token(self, door: SiteDoor, path: str, token: str) -> bool:
        try:
            with FrappeClient(door) as client:
                client.use_token(path, token)
        except requests.RequestException:
            return False
        return True

    def write_record(self, door: SiteDoor, text: str) -> None:
        with FrappeClient(door) as client:
            client.log_in()
            client.post("/api/resource/Contact", {"first_name": text})

    def list_records(self, door: SiteDoor) -> list[str]:
        with FrappeClient(door) as client:
            client.log_in()
            found = client.get(
                "/api/resource/Contact", fields=json.dumps(["first_name"]), limit_page_length="0"
            )
            return [str(row["first_name"]) for row in found["data"]]

    def add_user(self, door: SiteDoor, login: str) -> None:
        with FrappeClient(door) as client:
            client.log_in()
            user = {
                "email": f"{login}@example.com",
                "first_name": login,
                "send_welcome_email": 0,
                "roles": [{"role": "System Manager"}],
            }
            client.post("/api/resource/User", user)

    def open_session(self, door: SiteDoor) -> Callable[[], bool]:
        client = FrappeClient(door)
        client.log_in()

        def is_in() -> bool:
            try:
                client.require_session()
            except requests.RequestException:
                return False
            return True

        return is_in

    def has_app(self, door: SiteDoor, app: str) -> bool:
        with FrappeClient(door) as client:
            client.log_in()
            return app in client.get("/api/method/frappe.utils.change_log.get_versions")["message"]

    def find_currency(self, door: SiteDoor) -> str:
        with FrappeClient(door) as client:
            client.log_in()
            settings = client.get("/api/resource/System Settings/System Settings")["data"]
        return str(settings["currency"])

    def is_configured(self, door: SiteDoor) -> bool:
        """Ask as a page of elsewhere does, which is let in by the setting alone."""
        with FrappeClient(door) as client:
            return client.is_open_to(ASKER)

    def is_muted(self, door: SiteDoor) -> bool:
        """Look whether recurring jobs run."""
        path = "/api/method/frappe.utils.scheduler.get_scheduler_status"
        with FrappeClient(door) as client:
            client.log_in()
            return bool(client.get(path)["message"]["status"] == "inactive")
