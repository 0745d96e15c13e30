"""The bell for crowds: few rings, and always one after the last commit."""

import asyncio
import threading

from billing_bridge.inbox.doorbell import FakeDoorbell
from billing_bridge.inbox.ringer import PAUSE, Ringer


class HangingDoorbell(FakeDoorbell):
    """A Redis that does not answer until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.is_reached = threading.Event()
        self.may_answer = threading.Event()
        self.has_rung_again = threading.Event()

    def ring(self) -> bool:
        self.is_reached.set()
        self.may_answer.wait(10)
        answered = super().ring()
        if self.rings > 1:
            self.has_rung_again.set()
        return answered


def test_a_crowd_rings_twice_and_not_a_hundred_times() -> None:
    bell = FakeDoorbell()

    async def crowd() -> None:
        ringer = Ringer(bell)
        for _ in range(100):
            ringer.ring_soon()
            await asyncio.sleep(0)
        await asyncio.sleep(PAUSE * 10)

    asyncio.run(crowd())
    assert 1 <= bell.rings <= 2


def test_what_comes_during_a_ring_is_rung_for_afterwards() -> None:
    bell = HangingDoorbell()

    async def late() -> None:
        ringer = Ringer(bell)
        ringer.ring_soon()
        await asyncio.to_thread(bell.is_reached.wait, 10)
        ringer.ring_soon()
        assert bell.rings == 0  # Nobody waited for it.
        bell.may_answer.set()
        assert await asyncio.to_thread(bell.has_rung_again.wait, 10)

    asyncio.run(late())
    assert bell.rings == 2
