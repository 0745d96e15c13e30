"""A real sandbox on a free port, a real receiver of its webhooks, and the published description of both."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from billing_bridge.sandbox.config import Settings
from tests.billing_bridge.sandbox.contract import OPENAPI, Contract
from tests.billing_bridge.sandbox.driver import Driver, Running, RunningTime
from tests.billing_bridge.sandbox.receiver import Receiver

MakeSettings = Callable[..., Settings]


@pytest.fixture
def make_settings(tmp_path: Path) -> MakeSettings:
    """Settings with everything under the test's own folder and short waits."""

    def make(**overrides: object) -> Settings:
        base: dict[str, object] = {
            "port": 0,
            "public_url": "https://lago.example",
            "database": tmp_path / "lago.sqlite3",
            "rsa_private_key": tmp_path / "key.pem",
            "webhook_wait_scale": 0.01,
            "webhook_timeout": 5.0,
            "tick_seconds": 0.05,
        }
        return Settings.model_validate(base | overrides)

    return make


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Answers 200 and remembers; its webhooks are held against the published description at the end."""
    with Receiver() as receiver:
        yield receiver
    if OPENAPI.exists():
        contract = Contract()
        for webhook in receiver.received:
            contract.check_webhook(webhook.body)


@pytest.fixture
def running(make_settings: MakeSettings) -> Iterator[Running]:
    """A sandbox; everything it answered is held against the published description at the end."""
    with Running(make_settings(), RunningTime()) as running:
        yield running
    if OPENAPI.exists():
        contract = Contract()
        for answer in running.answers:
            contract.check_answer(answer)


@pytest.fixture
def lago(running: Running, receiver: Receiver) -> Driver:
    """A sandbox whose webhooks (HMAC) go to the receiver."""
    driver = Driver(running)
    driver.post(
        "/webhook_endpoints", {"webhook_endpoint": {"webhook_url": receiver.url, "signature_algo": "hmac"}}
    )
    return driver
