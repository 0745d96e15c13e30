"""The whole bridge as processes against the Lago sandbox as a process: money moves, wanted states follow."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from billing_bridge.config import Settings
from billing_bridge.migrations.schema import upgrade_database
from tests.billing_bridge.processes import run_cli, running
from tests.billing_bridge.servers import PressServer

pytestmark = pytest.mark.redis
API_KEY = "lago-sandbox-api-key"
HMAC_KEY = "5b2b3b5e-6a1b-4c62-9a0e-0d5a6c1f7e11"
ORGANIZATION = "1a901a90-1a90-4a90-8a90-1a901a901a90"
Until = Callable[..., None]


class Lago:
    """Calls the sandbox as an operator and as a payment provider would."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {API_KEY}"

    def call(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        prefix = "" if path.startswith("/sandbox") else "/api/v1"
        answer = self._session.request(
            method, f"{self.url}{prefix}{path}", json=body, params=params, timeout=10
        )
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def make_plan(self, code: str, amount: int, **limits: Any) -> None:
        interval = {"interval": "monthly", "pay_in_advance": True, "amount_currency": "EUR"}
        self.call("POST", "/plans", {"plan": {"name": code, "code": code, "amount_cents": amount} | interval})
        entitlements = {
            "sites": {"max": limits["sites"]},
            "users": {"max": limits["users"]},
            "apps": {"list": limits["apps"]},
            "storage": {"gb": limits["gb"]},
        }
        self.call("POST", f"/plans/{code}/entitlements", {"entitlements": entitlements})

    def make_catalogue(self) -> None:
        for code, privilege, kind in (
            ("sites", "max", "integer"),
            ("users", "max", "integer"),
            ("apps", "list", "string"),
            ("storage", "gb", "integer"),
        ):
            feature = {"code": code, "name": code, "privileges": [{"code": privilege, "value_type": kind}]}
            self.call("POST", "/features", {"feature": feature})
        self.make_plan("starter", 2900, sites=1, users=5, apps="base", gb=5)
        self.make_plan("business", 9900, sites=3, users=25, apps="base,crm,hr", gb=50)
        customer = {
            "external_id": "acme-inc",
            "name": "Acme",
            "email": "o@acme.example",
            "currency": "EUR",
            "country": "FR",
            "timezone": "Europe/Paris",
            "billing_configuration": {"document_locale": "fr"},
        }
        self.call("POST", "/customers", {"customer": customer})

    def subscribe(self, plan_code: str, external_id: str = "acme") -> None:
        given = {"external_customer_id": "acme-inc", "plan_code": plan_code, "external_id": external_id}
        self.call("POST", "/subscriptions", {"subscription": given | {"name": external_id}})

    def settle(self, status: str) -> None:
        for invoice in self.call("GET", "/sandbox/invoices", external_customer_id="acme-inc")["invoices"]:
            if invoice["payment_status"] != status and invoice["total_amount_cents"]:
                self.call("POST", f"/sandbox/invoices/{invoice['lago_id']}/payment", {"status": status})


def is_up(url: str, path: str = "/health") -> bool:
    try:
        return requests.get(f"{url}{path}", timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.fixture
def options(
    redis_url: str, free_port: Callable[[], int], press_server: PressServer, tmp_path: Path
) -> Settings:
    port, lago_port = free_port(), free_port()
    made = Settings.model_validate(
        {
            "port": port,
            "database_url": f"sqlite:///{tmp_path}/bridge.db",
            "redis_url": redis_url,
            "lago_api_url": f"http://127.0.0.1:{lago_port}",
            "lago_api_key": API_KEY,
            "lago_organization_id": ORGANIZATION,
            "webhook_hmac_key": HMAC_KEY,
            "webhook_jwt": True,
            "webhook_jwt_issuer": f"http://127.0.0.1:{lago_port}",
            "webhook_url": f"http://127.0.0.1:{port}/webhooks/lago",
            "press_api_url": press_server.url,
            "press_api_token": "t",
            "operator_token": "o",
            "sweep_seconds": 0.2,
            "reconcile_seconds": 3600.0,
        }
    )
    upgrade_database(made.database_url)
    return made


@pytest.fixture
def lago(options: Settings, until: Until, tmp_path: Path) -> Iterator[Lago]:
    """The sandbox, the bridge's API and its worker, ready to work, with the endpoint registered."""
    sandbox = {
        "PRESS_SANDBOX_PORT": options.lago_api_url.rsplit(":", 1)[1],
        "PRESS_SANDBOX_DATABASE": f"{tmp_path}/lago.sqlite3",
        "PRESS_SANDBOX_RSA_PRIVATE_KEY": f"{tmp_path}/lago.pem",
        "PRESS_SANDBOX_WEBHOOK_WAIT_SCALE": "0.05",
    }
    with ExitStack() as stack:
        stack.enter_context(running("sandbox", settings=options, log=tmp_path / "sandbox.log", more=sandbox))
        for name in ("api", "worker"):
            stack.enter_context(running("run", name, settings=options, log=tmp_path / f"{name}.log"))
        until(lambda: is_up(options.lago_api_url), seconds=40, what="the sandbox")
        until(lambda: is_up(f"http://127.0.0.1:{options.port}", "/ready"), seconds=40, what="the bridge")
        made = Lago(options.lago_api_url)
        made.make_catalogue()
        assert run_cli("webhook", "ensure", settings=options, cwd=tmp_path).returncode == 0
        yield made


@pytest.mark.timeout(180)
def test_the_life_of_a_subscription(lago: Lago, press_server: PressServer, until: Until) -> None:
    def told(external_id: str = "acme") -> dict[str, Any]:
        return next(
            (body for known, body in reversed(press_server.puts) if known == external_id), {"wanted": None}
        )

    lago.subscribe("starter")
    until(lambda: told()["wanted"] == "run", what="the start")
    assert told()["entitlements"] == {"sites": 1, "users": 5, "apps": ["base"], "storage_gb": 5}
    assert told()["customer"] == {
        "external_id": "acme-inc",
        "name": "Acme",
        "email": "o@acme.example",
        "country": "FR",
        "currency": "EUR",
        "language": "fr",
        "time_zone": "Europe/Paris",
    }

    lago.settle("failed")
    until(lambda: told()["wanted"] == "hold", what="the hold")
    assert told()["reason"]["code"] == "unpaid"
    lago.settle("succeeded")
    until(lambda: told()["wanted"] == "run", what="the resume")

    lago.subscribe("business")
    until(lambda: (told()["plan_code"], told()["wanted"]) == ("business", "run"), what="the upgrade")
    assert told()["entitlements"]["apps"] == ["base", "crm", "hr"]
    assert "end" not in {body["wanted"] for _, body in press_server.puts}

    entitlements = {"entitlements": {"sites": {"max": 9}}}
    lago.call("PATCH", "/plans/business/entitlements", entitlements)
    until(lambda: (told()["entitlements"] or {}).get("sites") == 9, what="the new limits")

    lago.call("DELETE", "/subscriptions/acme")
    until(lambda: told()["wanted"] == "end", what="the end")
    assert told()["reason"]["code"] == "terminated"


@pytest.mark.timeout(180)
def test_jwt_deliveries_and_lost_ones(
    lago: Lago, options: Settings, press_server: PressServer, until: Until, tmp_path: Path
) -> None:
    [endpoint] = lago.call("GET", "/webhook_endpoints")["webhook_endpoints"]
    changed = {"webhook_endpoint": {"webhook_url": endpoint["webhook_url"], "signature_algo": "jwt"}}
    lago.call("PUT", f"/webhook_endpoints/{endpoint['lago_id']}", changed)
    lago.subscribe("starter")
    until(lambda: "acme" in press_server.views, what="the JWT delivery")

    lago.call("POST", "/sandbox/chaos", {"drop_next": 50})
    lago.subscribe("starter", "lost")
    done = run_cli("reconcile", "--json", settings=options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert press_server.views["lost"]["wanted"] == "run"
    shown = run_cli("mismatches", "--json", settings=options, cwd=tmp_path).stdout
    assert '"external_id": "lost"' in shown
