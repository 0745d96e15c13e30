"""The worker: failures end in rows, leases serialise, the writer groups commits."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from billing_bridge.db import inbox, make_engine
from billing_bridge.errors import LagoUnreadable, SubjectBusy
from billing_bridge.inbox import tasks
from billing_bridge.inbox.doorbell import FakeDoorbell
from billing_bridge.inbox.events import Event, NewEvent
from billing_bridge.inbox.leases import Leases
from billing_bridge.inbox.store import InboxStore
from billing_bridge.inbox.worker import InboxWorker, Outcome, RetryRules
from billing_bridge.inbox.writer import InboxWriter

RULES = RetryRules(max_attempts=3, first=10.0, longest=60.0)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(engine: sa.Engine, clock: Clock) -> InboxStore:
    made = InboxStore(engine)
    made.insert([NewEvent(unique_key="k", webhook_type="subscription.started", body=b"{}")], now=clock())
    return made


def make_worker(
    store: InboxStore, clock: Clock, handle: Callable[[Event], Outcome], bell: FakeDoorbell | None = None
) -> InboxWorker:
    return InboxWorker(
        store,
        handle=handle,
        doorbell=bell or FakeDoorbell(),
        clock=clock,
        owner="w",
        lease=timedelta(seconds=20),
        rules=RULES,
    )


def failing(error: Exception) -> Callable[[Event], Outcome]:
    def handle(_: Event) -> Outcome:
        raise error

    return handle


@pytest.mark.parametrize(
    ("error", "code"), [(LagoUnreadable("down"), "lago_unreadable"), (RuntimeError("bug"), "unexpected")]
)
def test_failures_back_off_exponentially_and_end_as_a_dead_letter(
    store: InboxStore, clock: Clock, error: Exception, code: str
) -> None:
    worker = make_worker(store, clock, failing(error))
    for expected in (10.0, 20.0):
        assert worker.drain() == 1
        event = store.get_by_key("k")
        assert (event.status, event.error_code) == ("pending", code)
        wait = (event.next_attempt_at - clock()).total_seconds()
        assert 0.75 * expected <= wait <= 1.25 * expected
        assert worker.drain() == 0
        clock.move(wait)
    assert worker.drain() == 1
    assert store.get_by_key("k").status == "dead"
    clock.move(10_000)
    assert worker.drain() == 0


def test_a_busy_subject_costs_no_attempt(store: InboxStore, clock: Clock) -> None:
    worker = make_worker(store, clock, failing(SubjectBusy("busy")))
    for _ in range(10):
        assert worker.drain() == 1
        clock.move(2)
    event = store.get_by_key("k")
    assert (event.status, event.attempts) == ("pending", 0)


def test_an_event_that_kills_its_workers_is_buried(store: InboxStore, clock: Clock) -> None:
    def die(_: Event) -> Outcome:
        raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            make_worker(store, clock, die).drain()
        clock.move(21)
    make_worker(store, clock, die).drain()
    event = store.get_by_key("k")
    assert (event.status, event.error_code) == ("dead", "worker_died")


def test_a_success_after_a_failure_clears_the_error(store: InboxStore, clock: Clock) -> None:
    make_worker(store, clock, failing(LagoUnreadable("down"))).drain()
    clock.move(60)
    make_worker(store, clock, lambda _: Outcome(text="done")).drain()
    event = store.get_by_key("k")
    assert (event.status, event.outcome, event.error_code) == ("handled", "done", None)


def test_a_long_backlog_rings_for_the_next_turn(store: InboxStore, clock: Clock) -> None:
    bell = FakeDoorbell()
    more = [NewEvent(unique_key=f"m{n}", webhook_type="a.b", body=b"{}") for n in range(5)]
    store.insert(more, now=clock())
    worker = make_worker(store, clock, lambda _: Outcome(text="done"), bell)
    assert (worker.drain(at_most=4), bell.rings) == (4, 1)
    assert (worker.drain(at_most=4), bell.rings) == (2, 1)


def test_the_task_drains_the_worker_of_this_process(store: InboxStore, clock: Clock) -> None:
    tasks.bind(make_worker(store, clock, lambda _: Outcome(text="done")))
    assert tasks.drain() == 1
    assert store.get_by_key("k").status == "handled"


def test_waits_are_capped() -> None:
    assert RULES.wait(50, 0.5) == 60.0
    assert RULES.wait(1, 0.0) == 7.5


class TestLeases:
    @staticmethod
    def make(engine: sa.Engine, clock: Clock, owner: str) -> Leases:
        return Leases(engine, owner=owner, clock=clock, duration=timedelta(seconds=20))

    def test_a_second_holder_is_told_the_purpose(self, engine: sa.Engine, clock: Clock) -> None:
        one, two = self.make(engine, clock, "one"), self.make(engine, clock, "two")
        with one.hold("acme", purpose="sync after a test"):
            with two.hold("other", purpose="elsewhere"):
                pass
            with pytest.raises(SubjectBusy, match="sync after a test"), two.hold("acme", purpose="x"):
                pytest.fail("two holders")
        with two.hold("acme", purpose="now free"):
            pass

    def test_an_abandoned_lease_is_taken_over_and_not_given_back_by_the_first(
        self, engine: sa.Engine, clock: Clock
    ) -> None:
        one, two = self.make(engine, clock, "one"), self.make(engine, clock, "two")
        with one.hold("acme", purpose="slow"):
            clock.move(21)
            with two.hold("acme", purpose="takes over"):
                with pytest.raises(SubjectBusy), one.hold("acme", purpose="again"):
                    pytest.fail("two holders")
                second = two.hold("other", purpose="x")
                second.__enter__()
                second.__exit__(None, None, None)

    def test_a_lease_of_a_clock_ahead_is_taken_over_when_the_clock_is_right(
        self, engine: sa.Engine, clock: Clock
    ) -> None:
        one, two = self.make(engine, clock, "one"), self.make(engine, clock, "two")
        clock.move(3600)
        with one.hold("acme", purpose="killed in the future"):
            clock.move(-3600)
            with two.hold("acme", purpose="now"), pytest.raises(SubjectBusy), one.hold("acme", purpose="x"):
                pytest.fail("two holders")

    def test_a_renewed_lease_stays(self, engine: sa.Engine, clock: Clock) -> None:
        one, two = self.make(engine, clock, "one"), self.make(engine, clock, "two")
        with one.hold("acme", purpose="slow"):
            clock.move(19)
            one.renew()
            clock.move(19)
            with pytest.raises(SubjectBusy), two.hold("acme", purpose="x"):
                pytest.fail("two holders")


class TestRenewal:
    def test_it_reaches_the_event_that_is_handled(
        self, engine: sa.Engine, store: InboxStore, clock: Clock
    ) -> None:
        seen: list[datetime] = []

        def handle(event: Event) -> Outcome:
            clock.move(19)
            worker.renew()
            with engine.connect() as connection:
                query = sa.select(inbox.c.lease_until).where(inbox.c.id == event.id)
                seen.append(connection.execute(query).scalar_one())
            return Outcome(text="done")

        worker = make_worker(store, clock, handle)
        assert worker.drain() == 1
        assert seen == [clock() + timedelta(seconds=20)]

    def test_it_costs_nothing_while_nothing_is_held(
        self, engine: sa.Engine, store: InboxStore, clock: Clock
    ) -> None:
        worker = make_worker(store, clock, lambda _: Outcome(text="done"))
        held = Leases(engine, owner="w", clock=clock, duration=timedelta(seconds=20))
        worker.drain()
        with held.hold("acme", purpose="x"), pytest.raises(SubjectBusy), held.hold("acme", purpose="y"):
            pytest.fail("two holders")
        statements: list[str] = []
        sa.event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
        worker.renew()
        held.renew()
        assert statements == []


class TestWriter:
    def test_what_arrives_together_is_committed_together(self, engine: sa.Engine, clock: Clock) -> None:
        groups: list[int] = []
        calls: list[int] = []

        class CountingStore(InboxStore):
            def insert(self, events: object, *, now: datetime) -> list[bool]:
                groups.append(len(events))  # type: ignore[arg-type]
                return super().insert(events, now=now)  # type: ignore[arg-type]

        async def deliver() -> list[bool]:
            writer = InboxWriter(CountingStore(engine), clock=clock, on_work=lambda: calls.append(1))
            keys = [f"k{n % 50}" for n in range(100)]
            events = [NewEvent(unique_key=key, webhook_type="a.b", body=b"{}") for key in keys]
            return list(await asyncio.gather(*(writer.put(event) for event in events)))

        results = asyncio.run(deliver())
        assert (results.count(True), len(results)) == (50, 100)
        assert len(groups) < 10
        assert 1 <= len(calls) <= len(groups)

    def test_a_failed_group_is_told_to_each_sender(self, clock: Clock) -> None:
        broken = make_engine("sqlite:////nowhere/at/all.db")

        def never() -> None:
            pytest.fail("nothing was stored, so there is no work")

        async def deliver() -> list[object]:
            writer = InboxWriter(InboxStore(broken), clock=clock, on_work=never)
            events = [NewEvent(unique_key=f"k{n}", webhook_type="a.b", body=b"{}") for n in range(3)]
            return list(await asyncio.gather(*(writer.put(e) for e in events), return_exceptions=True))

        assert [type(result) for result in asyncio.run(deliver())] == [OperationalError] * 3
