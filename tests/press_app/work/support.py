"""Tasks that do as they are told."""

from collections.abc import Callable
from dataclasses import replace

from press_app.work.model import TaskRow
from press_app.work.runner import Runner, policies
from press_app.work.task import Task, task
from press_app.work.unit_of_work import Work


def make_task(function: Callable[..., None], name: str = "thing.do", **options: object) -> Task:
    """A task around ``function``."""
    return task(name, **options)(function)  # type: ignore[arg-type]  # options of every type pass through


def with_tasks(work: Work, *tasks: Task) -> tuple[Work, Runner]:
    """The same work, which can promise these tasks, and a runner that knows them."""
    known = {item.name: item for item in tasks}
    knowing = replace(work, policies=policies(known))
    return knowing, Runner(knowing, known, {})


def read_task(work: Work, task_id: str) -> TaskRow:
    with work.read() as session:
        row = session.get(TaskRow, task_id)
    assert row is not None
    return row


def promise(work: Work, name: str = "thing.do", *, thing_id: str | None = None) -> str:
    """Promise a task in a transaction of its own."""
    with work.begin(actor="test") as uow:
        task_id = uow.enqueue(name) if thing_id is None else uow.enqueue(name, thing_id=thing_id)
    assert task_id is not None
    return task_id
