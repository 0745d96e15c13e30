"""Leases: one holder at a time, with a purpose, and no holder for ever."""

import threading
from datetime import timedelta

import pytest

from press_app.kit.clock import FixedClock
from press_app.work import lease
from press_app.work.lease import SubjectBusy
from press_app.work.unit_of_work import Work

MINUTE = timedelta(minutes=1)


class TestHold:
    def test_tells_the_second_what_the_first_does(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            lease.hold(uow, "site:1", holder="job:a", purpose="restore from backup", within=MINUTE)
        with pytest.raises(SubjectBusy) as refusal, work.begin(actor="test") as uow:
            lease.hold(uow, "site:1", holder="job:b", purpose="archive", within=MINUTE)
        assert "restore from backup" in refusal.value.message
        assert refusal.value.context["purpose"] == "restore from backup"

    def test_is_extended_by_its_holder(self, work: Work, clock: FixedClock) -> None:
        for _ in range(3):
            with work.begin(actor="test") as uow:
                lease.hold(uow, "site:1", holder="job:a", purpose="move", within=MINUTE)
            clock.advance(seconds=45)
        with work.begin(actor="test") as uow:
            found = lease.find(uow, "site:1")
            assert found is not None
            assert found.holder == "job:a"

    def test_is_taken_over_when_its_time_is_over(self, work: Work, clock: FixedClock) -> None:
        with work.begin(actor="test") as uow:
            lease.hold(uow, "site:1", holder="job:a", purpose="move", within=MINUTE)
        clock.advance(seconds=61)
        with work.begin(actor="test") as uow:
            assert lease.find(uow, "site:1") is None
            lease.hold(uow, "site:1", holder="job:b", purpose="archive", within=MINUTE)
        with work.begin(actor="test") as uow:
            lease.release(uow, "site:1", holder="job:a")
            found = lease.find(uow, "site:1")
            assert found is not None
            assert (found.holder, found.purpose) == ("job:b", "archive")
            lease.release(uow, "site:1", holder="job:b")
            assert lease.find(uow, "site:1") is None

    def test_goes_to_one_of_many(self, work: Work) -> None:
        start = threading.Barrier(5)
        won: list[str] = []

        def take(holder: str) -> None:
            start.wait()
            try:
                with work.begin(actor="test") as uow:
                    lease.hold(uow, "site:1", holder=holder, purpose="p", within=MINUTE)
            except SubjectBusy:
                return
            won.append(holder)

        threads = [threading.Thread(target=take, args=(f"job:{n}",)) for n in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
