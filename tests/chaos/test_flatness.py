"""Growth is told from noise, from restarts, and from rows that are kept."""

import os
import random
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.chaos.flatness import FILES, MEMORY, THREADS, WARM_UP_SECONDS, Sample, Trend, list_trends, measure
from tests.chaos.tables import MOST_PASSING, PASSING, Growth, read_size

MEGABYTE = 1 << 20
LEDGER = "agent/ledger.sqlite"


def live(pid: int, seconds: int, memory: Callable[[float], float], *, files: float = 10) -> list[Sample]:
    """One life of a program, a sample every five seconds."""
    noise = random.Random(pid)
    return [
        Sample(
            "p", pid, age, {MEMORY: memory(age) + noise.uniform(-1, 1) * MEGABYTE, FILES: files, THREADS: 4}
        )
        for age in range(0, seconds, 5)
    ]


def sum_of_spans(samples: list[Sample]) -> float:
    """Seconds that were watched after the warm-up, five of each life lost between its ends."""
    warm = [sample for sample in samples if sample.age >= WARM_UP_SECONDS]
    return 5.0 * (len(warm) - len({sample.pid for sample in warm}))


def memory_of(samples: list[Sample]) -> Trend:
    return next(trend for trend in list_trends(samples) if trend.figure == MEMORY)


def test_a_level_with_noise_is_flat() -> None:
    trend = memory_of(live(1, 1200, lambda _: 60 * MEGABYTE))
    assert trend.is_judged
    assert trend.is_flat
    assert abs(trend.growth) < MEGABYTE


def test_a_leak_is_growth_whatever_dies_in_between() -> None:
    leak = 10 * MEGABYTE / 600
    whole = live(1, 1200, lambda age: 60 * MEGABYTE + leak * age)
    lives = [sample for pid in range(8) for sample in live(pid, 300, lambda age: 60 * MEGABYTE + leak * age)]
    for samples in (whole, lives):
        trend = memory_of(samples)
        assert not trend.is_flat
        assert trend.growth == pytest.approx(sum_of_spans(samples) * leak, rel=0.3)


def test_what_a_program_takes_while_it_starts_is_no_growth() -> None:
    lives = [
        sample
        for pid in range(8)
        for sample in live(pid, 300, lambda age: 20 * MEGABYTE + 40 * MEGABYTE * min(1.0, age / 110))
    ]
    assert memory_of(lives).is_flat


def level(memory: float) -> Callable[[float], float]:
    return lambda _: memory


def test_lives_on_different_levels_are_no_growth() -> None:
    lives = [sample for pid in range(8) for sample in live(pid, 300, level((60 + 5 * pid) * MEGABYTE))]
    assert memory_of(lives).is_flat


def test_a_few_samples_are_not_judged() -> None:
    trend = memory_of(live(1, 150, lambda age: age * MEGABYTE))
    assert not trend.is_judged
    assert trend.is_flat


def test_one_more_open_file_a_minute_is_growth() -> None:
    samples = [
        Sample("p", 1, age, {MEMORY: 0, FILES: 20 + age // 60, THREADS: 4}) for age in range(0, 1200, 5)
    ]
    flat = {trend.figure: trend.is_flat for trend in list_trends(samples)}
    assert flat == {MEMORY: True, FILES: False, THREADS: True}


def test_a_process_is_measured_by_what_the_kernel_says() -> None:
    before = measure("me", os.getpid(), 0.0)
    with Path("/dev/null").open("rb"), Path("/dev/null").open("rb"):
        waiting = threading.Event()
        thread = threading.Thread(target=waiting.wait)
        thread.start()
        after = measure("me", os.getpid(), 1.0)
        waiting.set()
        thread.join()
    assert before is not None
    assert after is not None
    assert after.used[FILES] - before.used[FILES] == 2
    assert after.used[THREADS] - before.used[THREADS] == 1
    assert before.used[MEMORY] > 10 * MEGABYTE
    assert measure("nobody", 2**22 + 1, 0.0) is None


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "agent").mkdir()
    with closing(sqlite3.connect(tmp_path / LEDGER)) as connection:
        connection.execute("CREATE TABLE jobs (id INTEGER PRIMARY KEY, status TEXT, record TEXT)")
        connection.execute("CREATE TABLE waste (content BLOB)")
    return tmp_path


def add(state: Path, statement: str, *rows: tuple[object, ...]) -> None:
    with closing(sqlite3.connect(state / LEDGER)) as connection, connection:
        connection.executemany(statement, rows)


JOB = "INSERT INTO jobs (status, record) VALUES (?, ?)"


def test_rows_that_are_kept_explain_a_larger_database(state: Path) -> None:
    add(state, JOB, *[("succeeded", "x" * 2000)] * 500)
    before = read_size(state, LEDGER)
    add(state, JOB, *[("succeeded", "x" * 2000)] * 5000)
    growth = Growth(LEDGER, before, read_size(state, LEDGER))
    assert growth.bytes > 8 * MEGABYTE
    assert growth.kept == {"jobs": 5000}
    assert growth.is_flat


def test_bytes_without_rows_are_growth(state: Path) -> None:
    add(state, JOB, *[("succeeded", "x" * 200)] * 500)
    before = read_size(state, LEDGER)
    add(state, "UPDATE jobs SET record = ?", ("x" * 20_000,))
    assert not Growth(LEDGER, before, read_size(state, LEDGER)).is_flat


def test_room_that_waits_to_be_used_again_is_no_growth(state: Path) -> None:
    before = read_size(state, LEDGER)
    add(state, "INSERT INTO waste VALUES (?)", (b"x" * 9 * MEGABYTE,))
    add(state, "DELETE FROM waste WHERE content IS NOT ?", (None,))
    assert Growth(LEDGER, before, read_size(state, LEDGER)).is_flat


def test_rows_that_should_pass_may_not_pile_up(state: Path) -> None:
    before = read_size(state, LEDGER)
    add(state, JOB, *[("queued", "x")] * (MOST_PASSING + 1))
    growth = Growth(LEDGER, before, read_size(state, LEDGER))
    assert growth.after.passing == MOST_PASSING + 1
    assert not growth.is_flat
    assert LEDGER in PASSING
