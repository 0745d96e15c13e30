"""A person at a site of the fake engine."""

import requests

from agent.engines.port import Source
from agent.engines.probe import SiteDoor

TIMEOUT_SECONDS = 10.0


class FakeProbe:
    """Speaks the fake bench's four requests."""

    app_sets = (("base",), ("base", "crm", "hr"))
    engine_version = "1.0.0"
    sources: tuple[Source, ...] = ()
    memory_bytes = 400 << 20

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

    def _ask(self, method: str, door: SiteDoor, path: str, text: str = "") -> requests.Response:
        return requests.request(
            method,
            door.bench_url + path,
            data=text.encode(),
            headers={"Host": door.hostname},
            auth=(door.login, door.password),
            timeout=TIMEOUT_SECONDS,
        )
