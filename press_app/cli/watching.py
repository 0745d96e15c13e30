"""Watching a job, a bench or a site until it is where it should be."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from press_app.cli.api_client import Api, Feed
from press_app.cli.failures import CommandFailed
from press_app.cli.output import format_seconds, make_console

OPEN = frozenset({"queued", "delivered", "running"})
PAUSE = 1.0
"""Longest time between two looks, in seconds; news of the event stream come sooner."""
MARKS = {
    "done": "✓",
    "unchanged": "·",
    "running": "…",
    "pending": " ",
    "failed": "✗",
    "skipped": "-",
    "compensated": "↺",
}

View = dict[str, Any]
Show = Callable[[View], None]


def watch(
    api: Api,
    read: Callable[[], View],
    *,
    subject: str,
    until: Callable[[View], bool],
    seconds: float,
    show: Show = lambda _view: None,
) -> View:
    """Read again and again, at each news of the subject, until ``until`` says so; returns the last view.

    Raises :class:`CommandFailed` when the time is over.
    """
    deadline = time.monotonic() + seconds
    feed = Feed(api, subject)
    try:
        while True:
            view = read()
            show(view)
            if until(view):
                return view
            left = deadline - time.monotonic()
            if left <= 0:
                message = (
                    f"It is still {view.get('status')} after {format_seconds(seconds)}. "
                    "The work goes on; watch it again, or look at its timeline."
                )
                raise CommandFailed(message, code="not_in_time", last=view.get("status"))
            feed.wait(min(PAUSE, left))
    finally:
        feed.close()


def watch_job(api: Api, job_id: str, *, seconds: float, quiet: bool) -> View:
    """Follow a job to its end, with its steps on standard error. Raises :class:`CommandFailed` when it failed."""
    first = api.get(f"/v1/jobs/{job_id}")
    with show_steps(quiet=quiet) as show:
        job = watch(
            api,
            lambda: api.get(f"/v1/jobs/{job_id}"),
            subject=first["target"],
            until=lambda view: view["status"] not in OPEN,
            seconds=seconds,
            show=show,
        )
    if job["status"] != "succeeded":
        raise job_failed(job)
    return job


def job_failed(job: View) -> CommandFailed:
    error = job.get("error") or {}
    reason = error.get("message") or "The agent gave no reason."
    step = f" at step '{error['step']}'" if error.get("step") else ""
    left = " Everything it had made was removed again." if error.get("compensated") else ""
    message = f"{job['purpose']}: {job['status']}{step}. {reason}{left}"
    return CommandFailed(message, code=str(error.get("code") or "job_failed"), job_id=job["id"])


@contextmanager
def show_steps(*, quiet: bool) -> Iterator[Show]:
    """Something that shows a job's steps: alive on a terminal, a line for each end elsewhere."""
    console = make_console(stderr=True)
    if quiet:
        yield lambda _job: None
    elif console.is_terminal:
        from rich.live import Live

        with Live(console=console, refresh_per_second=8) as live:
            yield lambda job: live.update(draw_job(job))
    else:
        said: set[str] = set()

        def show(job: View) -> None:
            for step in job["steps"]:
                if step["state"] not in {"pending", "running"} and step["key"] not in said:
                    said.add(step["key"])
                    console.print(draw_step(step), markup=False)

        yield show


def draw_job(job: View) -> str:
    """The job and its steps as text."""
    lines = [f"{job['purpose']}: {job['status']}", *(f"  {draw_step(step)}" for step in job["steps"])]
    return "\n".join(lines)


def draw_step(step: View) -> str:
    """``✓ Clone the template  0.2 s``."""
    seconds = step.get("seconds")
    took = f"  {seconds:.2f} s" if isinstance(seconds, int | float) else ""
    return f"{MARKS.get(step['state'], '?')} {step['title']}{took}"
