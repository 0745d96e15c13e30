"""The reporter against a real HTTP control plane that loses, doubles and refuses."""

import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.credentials.enrolment import Identity
from agent.errors import AgentError
from agent.jobs.database import Database
from agent.jobs.doorbell import Doorbell, make_redis
from agent.jobs.ledger import Ledger
from agent.jobs.reporter import Reporter
from agent.press_client import PressClient
from tests.agent.control_plane import Answer, ControlPlane, serving
from tests.agent.jobs.records import make_record
from tests.agent.support import wait_until


class Setup:
    """A ledger, a reporter that is not started, and whom it reports to."""

    def __init__(self, folder: Path, plane: ControlPlane, redis_url: str) -> None:
        self.plane = plane
        self.identity = Identity(folder)
        self.identity.enroll(plane.enrolment(), replace=False)
        plane.agent_key = self.identity.ensure_key()
        self.ledger = Ledger(Database(folder / "ledger.sqlite"))
        self.redis = make_redis(redis_url)
        self.doorbell = Doorbell(self.redis)
        self.client = PressClient(self.identity, timedelta(seconds=5))
        self.reporter = Reporter(self.ledger, self.client.push_events, self.doorbell)

    def emit(self, count: int) -> None:
        for _ in range(count):
            self.ledger.accept(make_record())

    def close(self) -> None:
        self.client.close()
        self.ledger.close()
        self.redis.close()


@pytest.fixture
def setup(tmp_path: Path, redis_url: str) -> Iterator[Setup]:
    with serving(ControlPlane()) as plane:
        setup = Setup(tmp_path, plane, redis_url)
        yield setup
        setup.close()


def refusal(setup: Setup) -> str:
    with pytest.raises(AgentError) as caught:
        setup.reporter.push_page()
    return caught.value.code


class TestPushPage:
    def test_pages_in_order_until_nothing_is_left(self, setup: Setup) -> None:
        setup.emit(250)
        assert [setup.reporter.push_page() for _ in range(4)] == [True, True, True, False]
        pages = [seqs for _, seqs in setup.plane.received]
        assert [len(page) for page in pages] == [100, 100, 50]
        assert [seq for page in pages for seq in page] == list(range(1, 251))

    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            ((503, {}), "press_unreachable"),
            ((429, {}), "press_unreachable"),
            ((401, {"code": "credential_expired"}), "press_refused"),
            ((200, {"acknowledged": "7"}), "press_refused"),
            ((200, {"acknowledged": 0}), "not_acknowledged"),
        ],
    )
    def test_keeps_what_was_not_acknowledged(self, setup: Setup, answer: Answer, code: str) -> None:
        setup.emit(2)
        setup.plane.on_events = lambda _: answer
        assert refusal(setup) == code
        setup.plane.on_events = None
        assert setup.reporter.push_page() is True
        assert setup.plane.received[0][1] == [1, 2]

    def test_a_lost_acknowledgement_sends_again(self, setup: Setup) -> None:
        setup.emit(2)
        seen: list[list[int]] = []

        def lose(events: list[dict[str, Any]]) -> Answer | None:
            seen.append([event["seq"] for event in events])
            return (502, {}) if len(seen) == 1 else None

        setup.plane.on_events = lose
        assert refusal(setup) == "press_unreachable"
        assert setup.reporter.push_page() is True
        assert seen == [[1, 2], [1, 2]]

    def test_half_an_acknowledgement_goes_on_from_there(self, setup: Setup) -> None:
        setup.emit(3)
        setup.plane.on_events = lambda _: (200, {"acknowledged": 1})
        assert setup.reporter.push_page() is True
        setup.plane.on_events = None
        assert setup.reporter.push_page() is True
        assert setup.plane.received[0][1] == [2, 3]

    def test_an_acknowledgement_of_what_was_never_sent_skips_nothing(self, setup: Setup) -> None:
        setup.emit(1)
        setup.plane.on_events = lambda _: (200, {"acknowledged": 999})
        assert setup.reporter.push_page() is True
        setup.plane.on_events = None
        setup.emit(1)
        assert setup.reporter.push_page() is True
        assert setup.plane.received[0][1] == [2]

    def test_nobody_listens(self, setup: Setup) -> None:
        setup.emit(1)
        moved = setup.plane.enrolment().model_copy(update={"control_plane_url": "http://127.0.0.1:9"})
        setup.identity.enroll(moved, replace=True)
        assert refusal(setup) == "press_unreachable"


class TestRun:
    @pytest.mark.parametrize("is_woken", [True, False])
    def test_pushes_what_arises_and_survives_failures(self, setup: Setup, is_woken: bool) -> None:
        failures: list[Answer] = [(500, {}), (500, {})]
        setup.plane.on_events = lambda _: failures.pop() if failures else None
        stopping = threading.Event()
        thread = threading.Thread(target=setup.reporter.run, args=(stopping,))
        thread.start()
        try:
            setup.emit(3)
            if is_woken:
                setup.doorbell.wake_reporter()
            wait_until(lambda: sorted(setup.plane.events) == [1, 2, 3], 10)
            wait_until(lambda: setup.ledger.count_unacknowledged() == 0, 10)
        finally:
            stopping.set()
            setup.doorbell.wake_reporter()
            thread.join(10)
        assert not thread.is_alive()

    def test_gathers_what_nobody_waits_for(self, setup: Setup) -> None:
        pushes: list[Any] = []
        setup.plane.on_events = pushes.append
        stopping = threading.Event()
        thread = threading.Thread(target=setup.reporter.run, args=(stopping,))
        thread.start()
        try:
            for _ in range(4):
                setup.emit(1)
                setup.doorbell.wake_reporter()
            setup.doorbell.wake_reporter(at_once=True)
            wait_until(lambda: setup.ledger.count_unacknowledged() == 0, 10)
        finally:
            stopping.set()
            setup.doorbell.wake_reporter(at_once=True)
            thread.join(10)
        assert len(pushes) < 4


class TestFetchSecrets:
    def test_gives_what_was_asked_for(self, setup: Setup) -> None:
        setup.plane.secrets = {"secret://a": "1", "secret://b": "2"}
        job_id = str(uuid.uuid4())
        found = setup.client.fetch_secrets(job_id, ["secret://a", "secret://b"])
        assert [secret.reveal() for secret in found.values()] == ["1", "2"]
        assert setup.plane.secret_requests == [{"job_id": job_id, "refs": ["secret://a", "secret://b"]}]

    def test_refused(self, setup: Setup) -> None:
        with pytest.raises(AgentError) as caught:
            setup.client.fetch_secrets("j", ["secret://a"])
        assert caught.value.code == "press_refused"
        assert "secret_refused" in caught.value.message
