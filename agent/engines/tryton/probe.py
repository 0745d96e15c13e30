"""A person at a Tryton site: the web client's requests, without the browser."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import requests

from agent.engines.port import ConfigValue, Locale, Source
from agent.engines.probe import SiteDoor
from agent.errors import AgentError

TIMEOUT_SECONDS = 30.0
MENUS = {"crm": "Opportunities", "hr": "Attendances"}


class SiteRefused(AgentError):
    """The site answered with an error of its own."""

    code: ClassVar[str] = "site_refused"
    title: ClassVar[str] = "The site refused the request"


class TrytonClient:
    """One session at one site."""

    def __init__(self, door: SiteDoor) -> None:
        self._door = door
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers["Host"] = door.hostname
        self.database = str(self.call("", "common.db.list")[0])
        self._context: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def log_in(self) -> None:
        """Open a session with login and password."""
        password = {"password": self._door.password}
        self._post(f"/{self.database}/session/login", "common.db.login", self._door.login, password)
        self._read_preferences()

    def use_token(self, path: str, token: str) -> None:
        """Open a session with a one-time token, as the page at ``path`` does."""
        self._http.get(self._door.bench_url + path, timeout=TIMEOUT_SECONDS).raise_for_status()
        url = f"{self._door.bench_url}/-/session"
        self._http.post(url, json={"token": token}, timeout=TIMEOUT_SECONDS).raise_for_status()
        self._read_preferences()

    def do(self, method: str, *params: object) -> Any:
        """Call a model's method in the tenant's database with the user's own context."""
        return self.call(f"/{self.database}", method, *params, self._context)

    def call(self, prefix: str, method: str, *params: object) -> Any:
        return self._post(f"{prefix}/rpc/", method, *params)

    def _read_preferences(self) -> None:
        self._context = self.call(f"/{self.database}", "model.res.user.get_preferences", True, {})

    def _post(self, path: str, method: str, *params: object) -> Any:
        call = {"id": 1, "method": method, "params": list(params)}
        answer = self._http.post(self._door.bench_url + path, json=call, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        body = answer.json()
        if "error" in body:
            raise SiteRefused(f"{self._door.hostname} refused {method}: {body['error']}. Nothing was stored.")
        return body["result"]


class TrytonProbe:
    """Uses a site as its people do."""

    app_sets = (("base",), ("base", "crm", "hr"))
    engine_version = "8.0.12"
    sources: tuple[Source, ...] = ()
    memory_bytes = 900 << 20
    extra_app: str | None = "crm"
    locale = Locale(country="DE", currency="EUR", language="de", time_zone="Europe/Berlin")
    config: Mapping[str, ConfigValue] = {"password_length": 20, "session_idle_minutes": 60}

    def can_log_in(self, door: SiteDoor) -> bool:
        try:
            with TrytonClient(door) as client:
                client.log_in()
        except (AgentError, OSError):
            return False
        return True

    def can_use_token(self, door: SiteDoor, path: str, token: str) -> bool:
        try:
            with TrytonClient(door) as client:
                client.use_token(path, token)
        except (AgentError, OSError):
            return False
        return True

    def write_record(self, door: SiteDoor, text: str) -> None:
        with TrytonClient(door) as client:
            client.log_in()
            client.do("model.party.party.create", [{"name": text}])

    def list_records(self, door: SiteDoor) -> list[str]:
        with TrytonClient(door) as client:
            client.log_in()
            found = client.do("model.party.party.search_read", [], 0, None, None, ["name"])
        return [record["name"] for record in found]

    def add_user(self, door: SiteDoor, login: str) -> None:
        with TrytonClient(door) as client:
            client.log_in()
            client.do("model.res.user.create", [{"name": login, "login": login}])

    def open_session(self, door: SiteDoor) -> Callable[[], bool]:
        client = TrytonClient(door)
        client.log_in()

        def is_in() -> bool:
            try:
                client.do("model.party.party.search_count", [])
            except (AgentError, OSError):
                return False
            return True

        return is_in

    def has_app(self, door: SiteDoor, app: str) -> bool:
        """Look for a menu that the app brings; a menu shows to those who may use what is behind it."""
        with TrytonClient(door) as client:
            client.log_in()
            found = client.do("model.ir.ui.menu.search_read", [], 0, None, None, ["name"])
        return MENUS[app] in {menu["name"] for menu in found}

    def find_currency(self, door: SiteDoor) -> str:
        with TrytonClient(door) as client:
            client.log_in()
            (company,) = client.do("model.company.company.search_read", [], 0, None, None, ["currency.code"])
        return str(company["currency."]["code"])

    def is_configured(self, door: SiteDoor) -> bool:
        """Try a password that is long enough for all others."""
        login = f"clerk-{secrets.token_hex(4)}"
        with TrytonClient(door) as client:
            client.log_in()
            try:
                made = client.do(
                    "model.res.user.create", [{"name": login, "login": login, "password": "ten signs!"}]
                )
            except SiteRefused:
                return True
            client.do("model.res.user.write", made, {"active": False})
        return False

    def is_muted(self, door: SiteDoor) -> bool:
        """Look for a recurring job that would run."""
        with TrytonClient(door) as client:
            client.log_in()
            return int(client.do("model.ir.cron.search_count", [["active", "=", True]])) == 0
