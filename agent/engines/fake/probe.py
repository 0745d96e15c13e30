"""A person at a site of the fake engine."""

from collections.abc import Callable, Mapping
from typing import Any

import requests

from agent.engines.port import ConfigValue, Locale, Source
from agent.engines.probe import SiteDoor

TIMEOUT_SECONDS = 10.0


class FakeProbe:
    """Speaks the fake bench's four requests."""

    app_sets = (("base",), ("base", "crm", "hr"))
    engine_version = "1.0.0"
    sources: tuple[Source, ...] = ()
    memory_bytes = 400 << 20
    extra_app: str | None = "crm"
    locale = Locale(country="DE", currency="EUR", language="de", time_zone="Europe/Berlin")
    config: Mapping[str, ConfigValue] = {"greeting": "Good day", "max_records": 1000, "read_only": False}

    def can_log_in(self, door: SiteDoor) -> bool:
        return self._ask("GET", door, "/records").ok

    def can_use_token(self, door: SiteDoor, path: str, token: str) -> bool:
        url = door.bench_url + path
        return requests.post(url, data=token, headers={"Host": door.hostname}, timeout=TIMEOUT_SECONDS).ok

    def write_record(self, door: SiteDoor, text: str) -> None:
        self._ask("POST", door, "/records", text).raise_for_status()

    def list_records(self, door: SiteDoor) -> list[str]:
        answer = self._ask("GET", door, "/records")
        answer.raise_for_status()
        records: list[str] = answer.json()
        return records

    def add_user(self, door: SiteDoor, login: str) -> None:
        self._ask("POST", door, "/users", login).raise_for_status()

    def open_session(self, door: SiteDoor) -> Callable[[], bool]:
        """Fake sites know people by their password, and nothing else of them."""
        return lambda: self.can_log_in(door)

    def has_app(self, door: SiteDoor, app: str) -> bool:
        return app in self._home(door)["apps"]

    def find_currency(self, door: SiteDoor) -> str:
        return str(self._home(door)["locale"]["currency"])

    def is_configured(self, door: SiteDoor) -> bool:
        answer = self._ask("GET", door, "/")
        answer.raise_for_status()
        return bool(answer.json() == self.config["greeting"])

    def is_muted(self, door: SiteDoor) -> bool:
        return bool(self._ask("POST", door, "/mail", "Hello").status_code == requests.codes.forbidden)

    def _home(self, door: SiteDoor) -> Any:
        answer = self._ask("GET", door, "/home")
        answer.raise_for_status()
        return answer.json()

    def _ask(self, method: str, door: SiteDoor, path: str, text: str = "") -> requests.Response:
        return requests.request(
            method,
            door.bench_url + path,
            data=text.encode(),
            headers={"Host": door.hostname},
            auth=(door.login, door.password),
            timeout=TIMEOUT_SECONDS,
        )
