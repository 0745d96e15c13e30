"""A real sandbox on a free port, a real receiver of its webhooks, and the published description of both."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from billing_bridge.sandbox.config import Settings
from billing_bridge.sandbox.webhooks.signing import ensure_rsa_key
from tests.billing_bridge.sandbox.contract import OPENAPI, Contract
from tests.billing_bridge.sandbox.driver import Driver, Running, RunningTime
from tests.billing_bridge.sandbox.receiver import Receiver

MakeSettings = Callable[..., Settings]


@pytest.fixture(scope="session")
def rsa_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One key for all tests: making it takes longer than most of them."""
    path = tmp_path_factory.mktemp("rsa") / "key.pem"
    ensure_rsa_key(path)
    return path


def short_settings(folder: Path, rsa_key: Path, **overrides: object) -> Settings:
    """Everything under ``folder``, and short waits."""
    base: dict[str, object] = {
        "port": 0,
        "public_url": "https://lago.example",
        "database": folder / "lago.sqlite3",
        "rsa_private_key": rsa_key,
        "webhook_wait_scale": 0.01,
        "webhook_timeout": 5.0,
        "tick_seconds": 0.05,
    }
    return Settings.model_validate(base | overrides)


@pytest.fixture
def make_settings(tmp_path: Path, rsa_key: Path) -> MakeSettings:
    """Settings for a sandbox of the test's own."""

    def make(**overrides: object) -> Settings:
        return short_settings(tmp_path, rsa_key, **overrides)

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


@pytest.fixture(scope="session")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory, rsa_key: Path) -> Iterator[Running]:
    """One server for all tests that need no settings of their own."""
    settings = short_settings(tmp_path_factory.mktemp("sandbox"), rsa_key)
    with Running(settings, RunningTime()) as running:
        yield running


@pytest.fixture
def running(shared_sandbox: Running) -> Iterator[Running]:
    """An empty sandbox; everything it answered is held against the published description at the end."""
    Driver(shared_sandbox).post("/sandbox/reset")
    shared_sandbox.answers.clear()
    yield shared_sandbox
    if OPENAPI.exists():
        contract = Contract()
        for answer in list(shared_sandbox.answers):
            contract.check_answer(answer)


@pytest.fixture
def lago(running: Running, receiver: Receiver) -> Driver:
    """A sandbox whose webhooks (HMAC) go to the receiver."""
    driver = Driver(running)
    driver.post(
        "/webhook_endpoints", {"webhook_endpoint": {"webhook_url": receiver.url, "signature_algo": "hmac"}}
    )
    return driver
