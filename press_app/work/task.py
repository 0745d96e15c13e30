"""Tasks: a name, a function, and how it is queued, retried and scheduled."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import structlog
from croniter import croniter

from press_app.errors import PressError

log = structlog.get_logger(__name__)

RESERVED = frozenset({"work", "correlation_id"})


@dataclass(frozen=True, kw_only=True)
class Task:
    """A door into a slice. ``function`` takes its dependencies and its arguments by keyword."""

    name: str
    function: Callable[..., None]
    queue: str
    max_attempts: int
    lease_seconds: int
    """For so long its worker keeps renewing its lease; a task that takes longer hangs, and another takes it over."""
    max_wait_seconds: float
    """Longest wait between two attempts."""
    schedule: str | None
    """Cron line in UTC; six fields when the last one is seconds. None: only on demand."""
    is_sweep: bool = False
    """The ticker itself does it on schedule, without a row."""

    def call(self, dependencies: Mapping[str, object], args: Mapping[str, Any]) -> None:
        """Run it; dependencies are handed over by parameter name."""
        wanted = inspect.signature(self.function).parameters
        given = {name: value for name, value in dependencies.items() if name in wanted}
        self.function(**given, **args)


def sweep(name: str, *, schedule: str) -> Callable[[Callable[..., None]], Task]:
    """Declare a short look that comes again all the time and promises tasks for what it finds.

    The ticker calls it without a row, so that a platform where nothing happens writes nothing. What it misses it finds the
    next time, so it is neither retried nor kept. It must take milliseconds: everything else that ticks waits for it.
    """
    declare = task(name, schedule=schedule, max_attempts=1)
    return lambda function: replace(declare(function), is_sweep=True)


@contextmanager
def going_on(event: str, **context: str) -> Iterator[None]:
    """For one of many in a sweep: what goes wrong with it is logged, and keeps nothing from the others."""
    try:
        yield
    except PressError as error:
        log.warning(event, code=error.code, error=error.message, **context)
    except Exception:
        log.exception(event, **context)


def task(
    name: str,
    *,
    queue: str = "default",
    max_attempts: int = 12,
    lease_seconds: int = 60,
    max_wait_seconds: float = 300.0,
    schedule: str | None = None,
) -> Callable[[Callable[..., None]], Task]:
    """Declare a task: ``noun.verb``, arguments are ids.

    Dependencies are keyword parameters that the composition root knows (``work``, ``agents``, ``edge``,
    ``settings``); everything else comes from the row. It is called at least once, so it must be idempotent.
    """
    if schedule is not None and not croniter.is_valid(schedule):
        message = f"{name}: {schedule!r} is no cron line"
        raise ValueError(message)

    def declare(function: Callable[..., None]) -> Task:
        return Task(
            name=name,
            function=function,
            queue=queue,
            max_attempts=max_attempts,
            lease_seconds=lease_seconds,
            max_wait_seconds=max_wait_seconds,
            schedule=schedule,
        )

    return declare
