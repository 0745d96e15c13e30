"""The inbox table: inserted once, claimed once, finished once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from billing_bridge.errors import NotFound, NotReplayable
from billing_bridge.inbox.events import RECONCILE, Event, EventStatus, Lane, NewEvent, Source
from billing_bridge.inbox.store import InboxStore

NOW = datetime(2026, 11, 23, 10, 0, 0, 123456, tzinfo=UTC)
LEASE = timedelta(seconds=20)


def make_event(key: str = "key-1", **overrides: object) -> NewEvent:
    facts = {"unique_key": key, "webhook_type": "subscription.started", "body": b'{"a": "\xc3\xa9"}'}
    return NewEvent(**facts | overrides)  # type: ignore[arg-type]


@pytest.fixture
def store(engine: sa.Engine) -> InboxStore:
    return InboxStore(engine)


def claim(store: InboxStore, *, owner: str = "w", now: datetime = NOW, lane: Lane = Lane.EVENTS) -> Event:
    event = store.claim(owner=owner, now=now, lease=LEASE, lane=lane)
    assert event is not None
    return event


class TestInsert:
    def test_a_batch_tells_new_from_known(self, store: InboxStore) -> None:
        batch = [make_event("a"), make_event("b"), make_event("a")]
        assert store.insert(batch, now=NOW) == [True, True, False]
        assert store.insert([make_event("b"), make_event("c")], now=NOW) == [False, True]

    def test_keys_differ_by_case(self, store: InboxStore) -> None:
        assert store.insert([make_event("Key"), make_event("key")], now=NOW) == [True, True]

    def test_the_first_body_stays(self, store: InboxStore) -> None:
        store.insert([make_event(body=b"first"), make_event(body=b"second")], now=NOW)
        assert claim(store).body == b"first"

    def test_many_threads_agree_on_one_row(self, store: InboxStore) -> None:
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda _: store.insert([make_event()], now=NOW)[0], range(40)))
        assert results.count(True) == 1

    def test_moments_come_back_with_zone_and_microseconds(self, store: InboxStore) -> None:
        store.insert([make_event()], now=NOW)
        assert store.get_by_key("key-1").received_at == NOW

    def test_a_large_body_is_kept(self, store: InboxStore) -> None:
        store.insert([make_event(body=b"x" * 1_000_000)], now=NOW)
        assert len(store.get_by_key("key-1").body) == 1_000_000


class TestClaim:
    def test_each_event_goes_to_one_worker(self, store: InboxStore) -> None:
        store.insert([make_event(f"k{n}") for n in range(20)], now=NOW)
        with ThreadPoolExecutor(4) as pool:
            claimed = list(pool.map(lambda n: claim(store, owner=f"w{n}").id, range(20)))
        assert len(set(claimed)) == 20
        assert store.claim(owner="w", now=NOW, lease=LEASE) is None

    def test_what_a_clock_ahead_put_off_or_claimed_is_due_when_the_clock_is_right(
        self, store: InboxStore
    ) -> None:
        ahead = NOW + timedelta(hours=1)
        store.insert([make_event("new")], now=ahead)
        store.insert([make_event("claimed")], now=NOW)
        claim(store, now=ahead)
        claim(store, now=ahead)
        assert store.has_due(now=NOW)
        claim(store, now=NOW)
        claim(store, now=NOW)
        assert store.claim(owner="w", now=NOW, lease=LEASE) is None

    def test_what_is_put_off_waits_for_its_moment(self, store: InboxStore) -> None:
        store.insert([make_event()], now=NOW)
        longest = NOW + timedelta(minutes=20)
        store.retry_at(claim(store), when=longest, code="c", message="m")
        assert not store.has_due(now=NOW)
        assert store.has_due(now=longest)

    def test_an_abandoned_event_is_taken_over_after_its_lease(self, store: InboxStore) -> None:
        store.insert([make_event()], now=NOW)
        first = claim(store)
        assert store.claim(owner="v", now=NOW + LEASE, lease=LEASE) is None
        second = claim(store, owner="v", now=NOW + LEASE * 1.1)
        assert (second.id, second.attempts) == (first.id, 2)
        assert not store.finish(first, outcome="late", now=NOW)
        assert store.finish(second, outcome="done", now=NOW)

    def test_a_renewed_lease_is_kept(self, store: InboxStore) -> None:
        store.insert([make_event()], now=NOW)
        event = claim(store)
        store.renew([event.id], owner="w", until=NOW + LEASE * 3)
        assert store.claim(owner="v", now=NOW + LEASE * 2, lease=LEASE) is None

    def test_a_lease_that_nobody_renews_ends_whatever_else_its_owner_does(self, store: InboxStore) -> None:
        store.insert([make_event("one"), make_event("two")], now=NOW)
        left, held = claim(store), claim(store)
        store.renew([held.id], owner="w", until=NOW + LEASE * 3)
        found = store.claim(owner="v", now=NOW + LEASE * 2, lease=LEASE)
        assert found is not None
        assert found.id == left.id

    def test_a_retry_waits_for_its_time(self, store: InboxStore) -> None:
        store.insert([make_event()], now=NOW)
        store.retry_at(claim(store), when=NOW + LEASE, code="c", message="m")
        assert not store.has_due(now=NOW)
        assert store.has_due(now=NOW + LEASE)
        assert claim(store, now=NOW + LEASE).attempts == 2

    def test_an_uncounted_retry_gives_the_attempt_back(self, store: InboxStore) -> None:
        store.insert([make_event()], now=NOW)
        store.retry_at(claim(store), when=NOW, code="c", message="m", counted=False)
        assert claim(store).attempts == 1

    def test_reconciles_have_their_own_lane(self, store: InboxStore) -> None:
        store.insert([make_event("r", webhook_type=RECONCILE, source=Source.BRIDGE)], now=NOW)
        assert store.claim(owner="w", now=NOW, lease=LEASE) is None
        assert not store.has_due(now=NOW)
        assert claim(store, lane=Lane.RECONCILE).unique_key == "r"


class TestFinish:
    def test_follow_ups_are_stored_with_the_stamp_or_not_at_all(self, store: InboxStore) -> None:
        store.insert([make_event()], now=NOW)
        event = claim(store)
        assert store.finish(event, outcome="done", now=NOW, follow_ups=[make_event("next")])
        assert not store.finish(event, outcome="again", now=NOW, follow_ups=[make_event("never")])
        assert claim(store).unique_key == "next"
        with pytest.raises(NotFound):
            store.get_by_key("never")
        assert store.get(event.id).handled_at == NOW


class TestReplay:
    def test_a_dead_letter_is_due_again(self, store: InboxStore) -> None:
        store.insert([make_event(), make_event("two")], now=NOW)
        store.bury(claim(store), code="c", message="m")
        store.finish(claim(store), outcome="done", now=NOW)
        assert store.count_backlog(now=NOW).dead == 1
        assert store.replay_dead(now=NOW) == 1
        again = claim(store)
        assert (again.unique_key, again.attempts) == ("key-1", 1)

    def test_an_event_that_is_being_worked_on_is_left_alone(self, store: InboxStore) -> None:
        store.insert([make_event()], now=NOW)
        event = claim(store)
        with pytest.raises(NotReplayable):
            store.replay(event.id, now=NOW)

    def test_a_missing_event_is_told(self, store: InboxStore) -> None:
        with pytest.raises(NotFound):
            store.replay(1, now=NOW)


def test_listing_goes_backwards_by_id_and_filters(store: InboxStore) -> None:
    store.insert([make_event(f"k{n}", ignored=n == 0) for n in range(5)], now=NOW)
    page = store.list_events(limit=2)
    assert [e.unique_key for e in page] == ["k4", "k3"]
    assert [e.unique_key for e in store.list_events(before=page[-1].id, limit=9)] == ["k2", "k1", "k0"]
    assert [e.unique_key for e in store.list_events(status=EventStatus.IGNORED, limit=9)] == ["k0"]


def test_the_backlog_has_an_age(store: InboxStore) -> None:
    assert store.count_backlog(now=NOW).oldest_seconds == 0.0
    store.insert([make_event()], now=NOW)
    store.insert([make_event("later")], now=NOW + LEASE)
    backlog = store.count_backlog(now=NOW + timedelta(seconds=30))
    assert (backlog.waiting, backlog.dead, backlog.oldest_seconds) == (2, 0, 30.0)


def test_only_done_events_of_one_source_are_purged(store: InboxStore) -> None:
    store.insert([make_event("waiting"), make_event("old", ignored=True)], now=NOW)
    store.insert([make_event("own", ignored=True, source=Source.BRIDGE)], now=NOW)
    assert store.purge(received_before=NOW + LEASE, source=Source.LAGO) == 1
    assert {e.unique_key for e in store.list_events(limit=9)} == {"waiting", "own"}
