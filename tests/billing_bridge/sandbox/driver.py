"""A sandbox in a real uvicorn thread, and a plain HTTP driver for it."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import requests
import uvicorn
from lago_python_client import Client, models
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from billing_bridge.sandbox.app import create_app
from billing_bridge.sandbox.config import Settings
from tests.billing_bridge.sandbox.receiver import wait_until

lago_models: Any = models
"""The client's models; they are pydantic 1, whose types mypy's plugin for pydantic 2 misreads."""


START = datetime(2026, 3, 10, 10, tzinfo=UTC)
"""A Tuesday in a month of 31 days."""


class RunningTime:
    """A machine's clock that stood at START when it was made."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def __call__(self) -> datetime:
        return START + timedelta(seconds=time.monotonic() - self._begun)


@dataclass(frozen=True)
class Answer:
    """One answer of the API, recorded at the server's edge, whoever asked."""

    method: str
    path: str
    status: int
    body: bytes


class Recorder:
    """ASGI middleware that keeps every answer under /api/v1."""

    def __init__(self, app: ASGIApp, answers: list[Answer]) -> None:
        self._app, self._answers = app, answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/v1"):
            await self._app(scope, receive, send)
            return
        status, chunks = 0, bytearray()

        async def keep(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            chunks.extend(message.get("body", b""))
            await send(message)

        await self._app(scope, receive, keep)
        self._answers.append(
            Answer(scope["method"], scope["path"].removeprefix("/api/v1"), status, bytes(chunks))
        )


class Running:
    """uvicorn on a free port, in a thread."""

    def __init__(self, settings: Settings, time_source: Callable[[], datetime]) -> None:
        self.settings = settings
        self.answers: list[Answer] = []
        self.app = create_app(settings, time_source=time_source)
        edge = Recorder(self.app, self.answers)
        config = uvicorn.Config(edge, host="127.0.0.1", port=0, log_config=None, access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(lambda: self._server.started, "the sandbox listens")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    @property
    def client(self) -> Any:
        """The published client, as a user would make it."""
        return Client(api_key=self.settings.api_key.get_secret_value(), api_url=self.url)


class Driver:
    """Calls paths and answers their JSON; ``expect`` is the status asserted."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self._session = requests.Session()
        self._session.trust_env = False

    def call(self, method: str, path: str, body: Any = None, *, expect: int = 200, **params: Any) -> Any:
        prefix = "" if path.startswith("/sandbox") else "/api/v1"
        answer = self._session.request(
            method,
            self.running.url + prefix + path,
            params=params,
            data=None if body is None else json.dumps(body),
            headers={"Authorization": f"Bearer {self.running.settings.api_key.get_secret_value()}"},
            timeout=30,
        )
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    def get(self, path: str, **params: Any) -> Any:
        return self.call("GET", path, **params)

    def post(self, path: str, body: Any = None, **params: Any) -> Any:
        return self.call("POST", path, body, **params)

    def put(self, path: str, body: Any, **params: Any) -> Any:
        return self.call("PUT", path, body, **params)

    def patch(self, path: str, body: Any, **params: Any) -> Any:
        return self.call("PATCH", path, body, **params)

    def delete(self, path: str, **params: Any) -> Any:
        return self.call("DELETE", path, **params)

    def plan(self, code: str, amount_cents: int = 2900, **fields: Any) -> Any:
        given = {
            "name": code.title(),
            "code": code,
            "interval": "monthly",
            "amount_cents": amount_cents,
            "amount_currency": "EUR",
            "pay_in_advance": True,
        }
        return self.post("/plans", {"plan": given | fields})["plan"]

    def customer(self, external_id: str = "acme", *, provider: bool = True, **fields: Any) -> Any:
        given: dict[str, Any] = {"external_id": external_id, "name": "Acme", "email": "owner@acme.example"}
        if provider:
            given["billing_configuration"] = {
                "payment_provider": "stripe",
                "payment_provider_code": "stripe_test",
            }
        return self.post("/customers", {"customer": given | fields})["customer"]

    def subscribe(
        self, plan: str, external_id: str = "acme-erp", customer: str = "acme", **fields: Any
    ) -> Any:
        given = {"external_customer_id": customer, "plan_code": plan, "external_id": external_id}
        return self.post("/subscriptions", {"subscription": given | fields})["subscription"]

    def deliveries(self, **params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/sandbox/deliveries", **params)["deliveries"]
        return found

    def sent_types(self) -> list[str]:
        """The types in the order of their events, not of their arrival."""
        return [each["webhook_type"] for each in self.deliveries()]

    def advance(self, **times: float) -> None:
        seconds = times.get("days", 0) * 86400 + times.get("hours", 0) * 3600 + times.get("seconds", 0)
        self.post("/sandbox/clock", {"advance_seconds": seconds})

    def fail_charges(self) -> None:
        self.post("/sandbox/auto_pay", {"outcome": "failed"})

    def invoices(self, **params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/invoices", **params)["invoices"]
        return found
