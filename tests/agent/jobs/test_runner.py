"""The runner: order, resume, deadline, taking back, redaction."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from agent.commands.redact import Secret
from agent.engines.errors import BenchUnknown
from agent.engines.shelf import Engines
from agent.errors import AgentError
from agent.host.clock import utc_now, write_time
from agent.host.locks import file_lock
from agent.jobs.database import Database
from agent.jobs.ledger import Ledger
from agent.jobs.model import EventKind, Job
from agent.jobs.runner import Runner, lock_path
from agent.jobs.service import JobRequest, JobService
from agent.operations.base import Context, Host, Operation, Step, Urgency
from agent.operations.params import Params, SecretRef
from agent.press_client import PressRefused
from agent.stores.fake import FakeStore
from tests.agent.support import wait_until

BENCH = "00000000-0000-4000-8000-000000000001"
JOB = "00000000-0000-4000-8000-000000000002"
Body = Callable[[Context[Any]], bool]
TakeBack = Callable[[Context[Any]], None]


class Key(StrEnum):
    ONE = "one"
    TWO = "two"
    THREE = "three"


class WorkParams(Params):
    """A bench and maybe a secret."""

    password: SecretRef | None = None

    @property
    def secret_refs(self) -> tuple[str, ...]:
        return (self.password,) if self.password else ()


@dataclass
class World:
    """A ledger and a runner over three steps that the test gives."""

    folder: Path
    ledger: Ledger
    did: list[str] = field(default_factory=list)
    woken: int = 0
    woken_at_once: int = 0
    secrets: dict[str, str] = field(default_factory=dict)
    fetched: list[Sequence[str]] = field(default_factory=list)
    deadline: datetime = field(default_factory=lambda: datetime.now(UTC) + timedelta(minutes=5))

    def ring(self, job_id: str, queue: str) -> None:
        self.did.append(f"rung {queue}")

    def wake_reporter(self, *, at_once: bool = False) -> None:
        self.woken += 1
        self.woken_at_once += at_once

    def fetch(self, job_id: str, refs: Sequence[str]) -> dict[str, Secret]:
        self.fetched.append(refs)
        if not all(ref in self.secrets for ref in refs):
            raise PressRefused("The control plane answers 403 (secret_refused).")
        return {ref: Secret(self.secrets[ref]) for ref in refs}

    def step(
        self, key: Key, body: Body | None = None, *, undo: TakeBack | None = None, **options: Any
    ) -> Step[WorkParams]:
        def run(context: Context[WorkParams]) -> bool:
            self.did.append(key)
            return body(context) if body else True

        def take_back(_: Context[WorkParams]) -> None:
            self.did.append(f"undo {key}")

        return Step(key=key, title=key.title(), run=run, undo=undo or take_back, **options)

    def run(
        self,
        *steps: Step[WorkParams],
        accept: bool = True,
        params: dict[str, Any] | None = None,
        operation: str = "work",
        **options: Any,
    ) -> Job:
        known: Operation[WorkParams] = Operation(
            name="work",
            params=WorkParams,
            target="bench",
            urgency=Urgency.DEFAULT,
            purpose="work",
            steps=steps,
            result=options.pop("result", lambda context: dict(context.notes)),
            **options,
        )
        host = Host(
            engines=Engines({}, self.folder / "records"),
            store=FakeStore(),
            clock=utc_now,
            kept=self.folder / "kept",
        )
        runner = Runner(
            ledger=self.ledger,
            operations={operation: known},
            host=host,
            data_dir=self.folder,
            fetch_secrets=self.fetch,
            wake_reporter=self.wake_reporter,
        )
        if accept:
            request = JobRequest(
                operation="work",
                target=f"bench:{BENCH}",
                params={"bench_id": BENCH} | (params or {}),
                deadline=self.deadline,
            )
            JobService(self.ledger, {"work": known}, self, utc_now).accept(JOB, request)
            self.did.clear()
        runner.run(JOB)
        return self.ledger.get_job(JOB)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, Ledger(Database(tmp_path / "ledger.sqlite")))
    yield world
    world.ledger.close()


def fail(_: Context[Any]) -> bool:
    raise PressRefused("It is told to fail.")


def states(job: Job) -> list[str]:
    return [step.state.value for step in job.steps]


class TestForward:
    def test_steps_in_order_and_a_result(self, world: World) -> None:
        def note(context: Context[Any]) -> bool:
            context.notes["found"] = context.work_dir.is_dir()
            context.progress("looked")
            return False

        job = world.run(world.step(Key.ONE), world.step(Key.TWO, note), world.step(Key.THREE))
        assert world.did == ["one", "two", "three"]
        assert (job.status, states(job), job.result) == (
            "succeeded",
            ["done", "unchanged", "done"],
            {"found": True},
        )
        assert job.steps[1].output == "looked\n"
        assert all(step.seconds is not None and step.seconds < 5 for step in job.steps)
        assert not (world.folder / "work" / JOB).exists()
        kinds = [event.kind for event in world.ledger.list_events(0, 50).events]
        assert kinds == [EventKind.QUEUED, *[EventKind.STEP] * 4, EventKind.FINISHED]
        assert world.woken_at_once == 1

    def test_a_finished_job_is_not_run_again(self, world: World) -> None:
        world.run(world.step(Key.ONE))
        world.run(world.step(Key.ONE), accept=False)
        assert world.did == ["one"]

    def test_a_job_that_a_live_worker_holds_is_left_alone(self, world: World) -> None:
        (world.folder / "locks").mkdir()
        with file_lock(lock_path(world.folder, f"bench:{BENCH}"), timeout_seconds=1):
            job = world.run(world.step(Key.ONE))
        assert (world.did, job.status) == ([], "queued")


class TestResume:
    def crash_in(self, world: World, key: Key) -> list[Step[WorkParams]]:
        """Leave the ledger as a kill -9 in the middle of a step leaves it."""

        def die(_: Context[Any]) -> bool:
            raise KeyboardInterrupt

        steps = [world.step(each, die if each is key else _unchanged) for each in Key]
        with pytest.raises(KeyboardInterrupt):
            world.run(*steps)
        world.did.clear()
        return [world.step(each, _unchanged) for each in Key]

    @pytest.mark.parametrize("key", list(Key))
    def test_goes_on_with_the_step_that_was_cut_off(self, world: World, key: Key) -> None:
        job = world.run(*self.crash_in(world, key), accept=False)
        assert world.did == list(Key)[list(Key).index(key) :]
        assert job.status == "succeeded"
        assert states(job) == ["done" if each is key else "unchanged" for each in Key]

    def test_notes_survive(self, world: World) -> None:
        def note(context: Context[Any]) -> bool:
            context.notes["from one"] = 1
            return True

        def die(_: Context[Any]) -> bool:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            world.run(world.step(Key.ONE, note), world.step(Key.TWO, die))
        job = world.run(world.step(Key.ONE, fail), world.step(Key.TWO), accept=False)
        assert job.result == {"from one": 1}

    def test_past_its_deadline_it_takes_back_instead(self, world: World) -> None:
        world.deadline = datetime.now(UTC) + timedelta(seconds=1)
        steps = self.crash_in(world, Key.TWO)
        wait_until(lambda: datetime.now(UTC) > world.deadline)
        job = world.run(*steps, accept=False)
        assert world.did == ["undo two", "undo one"]
        assert states(job) == ["compensated", "compensated", "skipped"]
        assert job.error is not None
        assert (job.error.code, job.error.step, job.error.compensated) == ("deadline_passed", "two", True)

    def test_past_its_deadline_what_cannot_be_taken_back_is_said_so(self, world: World) -> None:
        def stuck(_: Context[Any]) -> None:
            raise OSError(5, "Input/output error")

        world.deadline = datetime.now(UTC) + timedelta(seconds=1)
        self.crash_in(world, Key.TWO)
        wait_until(lambda: datetime.now(UTC) > world.deadline)
        job = world.run(*[world.step(each, undo=stuck) for each in Key], accept=False)
        assert job.error is not None
        assert (job.error.code, job.error.compensated) == ("deadline_passed", False)

    def test_past_its_deadline_a_removal_that_was_begun_is_finished(self, world: World) -> None:
        def die(_: Context[Any]) -> bool:
            raise KeyboardInterrupt

        world.deadline = datetime.now(UTC) + timedelta(seconds=1)
        with pytest.raises(KeyboardInterrupt):
            world.run(world.step(Key.ONE), world.step(Key.TWO, die, irreversible=True))
        wait_until(lambda: datetime.now(UTC) > world.deadline)
        world.did.clear()
        job = world.run(world.step(Key.ONE), world.step(Key.TWO, irreversible=True), accept=False)
        assert (world.did, job.status) == (["two"], "succeeded")

    def test_a_begun_operation_that_is_not_known_any_more_was_not_taken_back(self, world: World) -> None:
        self.crash_in(world, Key.TWO)
        job = world.run(world.step(Key.ONE), accept=False, operation="other")
        assert job.error is not None
        assert (job.error.code, job.error.compensated, world.did) == ("operation_unknown", False, [])

    def test_a_kill_while_taking_back_goes_on_taking_back(self, world: World) -> None:
        def die(_: Context[Any]) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            world.run(world.step(Key.ONE), world.step(Key.TWO), world.step(Key.THREE, fail, undo=die))
        world.did.clear()
        job = world.run(*[world.step(each, fail) for each in Key], accept=False)
        assert world.did == ["undo three", "undo two", "undo one"]
        assert (job.status, states(job)) == ("failed", ["compensated"] * 3)
        assert job.error is not None
        assert job.error.compensated is True


class TestFailure:
    def test_takes_back_in_reverse(self, world: World) -> None:
        job = world.run(world.step(Key.ONE), world.step(Key.TWO, fail), world.step(Key.THREE))
        assert world.did == ["one", "two", "undo two", "undo one"]
        assert states(job) == ["compensated", "compensated", "skipped"]
        assert job.error is not None
        assert (job.error.code, job.error.step, job.error.compensated) == ("press_refused", "two", True)
        assert "It is told to fail." in job.steps[1].output

    def test_says_what_could_not_be_taken_back(self, world: World) -> None:
        def stuck(_: Context[Any]) -> None:
            raise OSError(5, "Input/output error")

        job = world.run(world.step(Key.ONE), world.step(Key.TWO, undo=stuck), world.step(Key.THREE, fail))
        assert states(job) == ["compensated", "failed", "compensated"]
        assert job.error is not None
        assert job.error.compensated is False
        assert "Two" in job.error.message
        assert "Input/output error" in job.steps[1].output

    def test_after_the_point_of_no_return_nothing_is_taken_back(self, world: World) -> None:
        job = world.run(world.step(Key.ONE), world.step(Key.TWO, fail, irreversible=True))
        assert world.did == ["one", "two"]
        assert job.error is not None
        assert (states(job), job.error.compensated) == (["done", "failed"], False)

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (OSError(28, "No space left on device"), "disk_full"),
            (OSError(5, "I/O"), "host_error"),
            (KeyError("x"), "internal_error"),
        ],
    )
    def test_every_error_has_a_code(self, world: World, error: Exception, code: str) -> None:
        def raise_it(_: Context[Any]) -> bool:
            raise error

        job = world.run(world.step(Key.ONE, raise_it))
        assert job.error is not None
        assert job.error.code == code

    def test_nothing_is_taken_back_when_the_result_fails_after_it(self, world: World) -> None:
        def fail_to_tell(_: Context[Any]) -> dict[str, Any]:
            raise PressRefused("It cannot be told.")

        job = world.run(world.step(Key.ONE), world.step(Key.TWO, irreversible=True), result=fail_to_tell)
        assert world.did == ["one", "two"]
        assert job.error is not None
        assert (job.error.step, job.error.compensated) == ("two", False)

    def test_hands_over_the_receipt(self, world: World) -> None:
        def note(context: Context[Any]) -> bool:
            context.notes["stands"] = True
            return True

        job = world.run(
            world.step(Key.ONE, note), world.step(Key.TWO, fail), receipt=lambda context: dict(context.notes)
        )
        assert (job.status, job.result) == ("failed", {"stands": True})

    @pytest.mark.parametrize("error", [PressRefused("Not now."), OSError(16, "Device or resource busy")])
    def test_patience_ends(self, world: World, error: Exception) -> None:
        def raise_it(_: Context[Any]) -> bool:
            raise error

        job = world.run(world.step(Key.ONE, raise_it, patience_seconds=0.4))
        assert job.status == "failed"
        assert 2 <= world.did.count("one") <= 3

    def test_there_is_no_patience_with_a_refusal(self, world: World) -> None:
        def refuse(_: Context[Any]) -> bool:
            raise BenchUnknown("There is no such bench.")

        job = world.run(world.step(Key.ONE, refuse, patience_seconds=20.0))
        assert (job.status, world.did) == ("failed", ["one", "undo one"])

    def test_what_comes_back_by_itself_is_waited_for_and_said_once(self, world: World) -> None:
        class Away(PressRefused):
            passes_in_seconds = 20.0

        def wait(_: Context[Any]) -> bool:
            if world.did.count("one") < 4:
                raise Away("It is away for a moment.")
            return True

        job = world.run(world.step(Key.ONE, wait))
        assert (job.status, world.did) == ("succeeded", ["one"] * 4)
        assert job.steps[0].output.count("away for a moment") == 1

    def test_a_patient_step_is_tried_again(self, world: World) -> None:
        def once(_: Context[Any]) -> bool:
            return fail(_) if len(world.did) == 1 else True

        job = world.run(world.step(Key.ONE, once, patience_seconds=5.0))
        assert (job.status, world.did) == ("succeeded", ["one", "one"])


class TestDeadline:
    def test_interrupts_a_step_and_takes_back(self, world: World) -> None:
        world.deadline = datetime.now(UTC) + timedelta(seconds=0.4)

        def sleep(_: Context[Any]) -> bool:
            time.sleep(30)
            return True

        started = time.monotonic()
        job = world.run(world.step(Key.ONE), world.step(Key.TWO, sleep))
        assert time.monotonic() - started < 5
        assert job.error is not None
        assert (job.error.code, job.error.compensated) == ("deadline_passed", True)
        assert states(job) == ["compensated", "compensated"]

    def test_a_job_that_comes_too_late_touches_nothing(self, world: World) -> None:
        world.deadline = datetime.now(UTC) - timedelta(seconds=1)
        job = world.run(world.step(Key.ONE, irreversible=True))
        assert (world.did, states(job)) == ([], ["skipped"])
        assert job.error is not None
        assert (job.error.code, job.error.compensated) == ("deadline_passed", True)

    def test_does_not_interrupt_what_cannot_be_taken_back(self, world: World) -> None:
        world.deadline = datetime.now(UTC) + timedelta(seconds=0.3)

        def slow(_: Context[Any]) -> bool:
            time.sleep(0.6)
            return True

        assert world.run(world.step(Key.ONE, slow, irreversible=True)).status == "succeeded"


class TestSecrets:
    REF = "secret://site/1/password"

    def tell(self, context: Context[Any]) -> bool:
        value = context.get_secret(self.REF).reveal()
        context.get_secret(self.REF)
        context.progress(f"it is {value}")
        if value == "fail":
            raise PressRefused(f"refused {value}")
        return True

    def test_fetched_once_and_redacted(self, world: World) -> None:
        world.secrets[self.REF] = "hunter2"
        job = world.run(
            world.step(Key.ONE, self.tell), world.step(Key.TWO, self.tell), params={"password": self.REF}
        )
        assert world.fetched == [(self.REF,)]
        assert [step.output for step in job.steps] == ["it is [redacted]\n"] * 2
        assert b"hunter2" not in b"".join(path.read_bytes() for path in world.folder.glob("ledger*"))

    def test_redacted_in_errors(self, world: World) -> None:
        world.secrets[self.REF] = "fail"
        job = world.run(world.step(Key.ONE, self.tell), params={"password": self.REF})
        assert job.error is not None
        assert job.error.message == "refused [redacted]"

    def test_refused(self, world: World) -> None:
        job = world.run(world.step(Key.ONE, self.tell), params={"password": self.REF})
        assert job.error is not None
        assert (job.error.code, job.error.compensated) == ("secrets_refused", True)

    def test_no_others_than_the_job_names(self, world: World) -> None:
        world.secrets[self.REF] = "hunter2"
        job = world.run(world.step(Key.ONE, self.tell))
        assert job.error is not None
        assert (job.error.code, world.fetched) == ("secrets_refused", [])


class TestDiskFullLedger:
    def test_the_job_stays_open_when_it_cannot_be_written_down(self, world: World) -> None:
        def fill(_: Context[Any]) -> bool:
            with world.ledger._database._connection() as connection:
                (pages,) = connection.execute("PRAGMA page_count").fetchone()
                connection.execute(f"PRAGMA max_page_count = {pages}")
            raise PressRefused("x" * 500_000)

        with pytest.raises(AgentError) as caught:
            world.run(world.step(Key.ONE, fill))
        assert caught.value.code == "ledger_unavailable"
        assert world.ledger.get_job(JOB).status == "running"


def _unchanged(_: Context[Any]) -> bool:
    return False


def test_written_times_sort() -> None:
    earlier = datetime(2026, 1, 1, tzinfo=UTC)
    assert write_time(earlier) < write_time(earlier + timedelta(milliseconds=1))
