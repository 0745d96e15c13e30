"""Following the journal: nothing twice, nothing lost, gaps waited for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import anyio
import anyio.lowlevel
import pytest

from press_app.api import watch as module
from press_app.api.watch import KEPT, Horizon, JournalWatch
from press_app.work.unit_of_work import Work


class TestHorizon:
    def test_follows_ids_without_gaps(self) -> None:
        horizon = Horizon(0)
        assert horizon.see([1, 2, 3], 0.0) == 3
        assert horizon.see([], 1.0) == 3
        assert not horizon.is_waiting

    def test_waits_for_a_gap_until_it_is_filled(self) -> None:
        horizon = Horizon(10, patience=1.0)
        assert horizon.see([11, 13], 0.0) == 11
        assert horizon.is_waiting
        assert horizon.see([13], 0.5) == 11
        assert horizon.see([12, 13], 0.9) == 13
        assert not horizon.is_waiting

    def test_gives_a_gap_up_when_its_transaction_was_rolled_back(self) -> None:
        horizon = Horizon(10, patience=1.0)
        assert horizon.see([12], 0.0) == 10
        assert horizon.see([12, 13], 0.99) == 10
        assert horizon.see([12, 13], 1.0) == 13

    def test_waits_for_all_gaps_at_the_same_time(self) -> None:
        horizon = Horizon(0, patience=1.0)
        assert horizon.see([2, 4, 6], 0.0) == 0
        assert horizon.see([2, 4, 6, 8], 1.0) == 6
        assert horizon.see([8], 1.9) == 6
        assert horizon.see([8], 2.0) == 8

    def test_does_not_begin_anew_when_a_wide_gap_is_filled_in_part(self) -> None:
        horizon = Horizon(0, patience=1.0)
        assert horizon.see([1000], 0.0) == 0
        assert horizon.see([1, 500, 1000], 0.9) == 1
        assert horizon.see([500, 1000], 1.0) == 1000

    @pytest.mark.parametrize("first", [1, 5, 20])
    def test_never_goes_back(self, first: int) -> None:
        horizon = Horizon(10)
        assert horizon.see([first], 0.0) >= 10


@asynccontextmanager
async def listening(work: Work) -> AsyncIterator[JournalWatch]:
    watch = JournalWatch(work, None)
    async with watch.running(), watch.listening():
        yield watch


def write(work: Work, number: int, *, team_id: str = "a") -> None:
    with work.begin(actor="test") as uow:
        for _ in range(number):
            uow.record("thing.done", "thing:1", "Done.", team_id=team_id)
            uow.session.flush()


async def read_all(
    watch: JournalWatch, cursor: int, number: int, *, team_ids: list[str] | None = None
) -> list[int]:
    """Ids until ``number`` came."""
    seen: list[int] = []
    with anyio.fail_after(10):
        while len(seen) < number:
            rows, cursor = await watch.read(cursor, team_ids=team_ids, subject=None)
            seen += [row.id for row in rows]
            if not rows and cursor >= watch.horizon:
                await watch.wait(0.5)
    return seen


class TestJournalWatch:
    def test_gives_old_and_new_lines_once_in_order(self, work: Work) -> None:
        async def run() -> None:
            write(work, 3)
            async with listening(work) as watch:
                first = await read_all(watch, 0, 3)
                await anyio.to_thread.run_sync(write, work, 4)
                rest = await read_all(watch, first[-1], 4)
                assert first + rest == sorted({*first, *rest})
                assert len(first + rest) == 7

        anyio.run(run)

    def test_lets_each_team_see_its_own_lines(self, work: Work) -> None:
        async def run() -> None:
            async with listening(work) as watch:
                start = watch.horizon
                for team_id in ("a", "b", "a"):
                    await anyio.to_thread.run_sync(partial(write, work, 1, team_id=team_id))
                assert len(await read_all(watch, start, 3)) == 3
                for team_ids, number in ((["a"], 2), (["b"], 1), ([], 0)):
                    rows, cursor = await watch.read(start, team_ids=team_ids, subject=None)
                    assert len(rows) == number
                    assert cursor == watch.horizon

        anyio.run(run)

    def test_reads_from_the_database_what_memory_does_not_hold(self, work: Work) -> None:
        async def run() -> None:
            write(work, KEPT + 700)
            async with listening(work) as watch:
                ids = await read_all(watch, 0, KEPT + 700)
                assert ids == sorted(set(ids))
                assert len(ids) == KEPT + 700

        anyio.run(run)

    def test_sleeps_while_nobody_listens_and_catches_up(self, work: Work) -> None:
        async def run() -> None:
            watch = JournalWatch(work, None)
            async with watch.running():
                async with watch.listening():
                    before = watch.horizon
                await anyio.to_thread.run_sync(write, work, 2)
                await anyio.lowlevel.checkpoint()
                assert watch.horizon == before
                async with watch.listening():
                    assert len(await read_all(watch, before, 2)) == 2

        anyio.run(run)

    @pytest.mark.mariadb
    @pytest.mark.parametrize("database", ["mariadb"], indirect=True)
    def test_waits_for_a_transaction_that_commits_after_a_later_one(self, work: Work) -> None:
        async def run() -> None:
            async with listening(work) as watch:
                start = watch.horizon
                with work.begin(actor="slow") as slow:
                    slow.record("thing.done", "thing:1", "first", team_id="a")
                    slow.session.flush()
                    await anyio.to_thread.run_sync(write, work, 1)
                    await watch.wait(0.3)
                    assert (await watch.read(start, team_ids=None, subject=None))[0] == []
                ids = await read_all(watch, start, 2)
                assert ids == sorted(ids)

        anyio.run(run)

    def test_polls_every_second_at_least(self) -> None:
        assert module.FALLBACK_SECONDS <= 1.0
