"""``press task``: promised work that failed for good, seen and repeated on this host."""

from typing import Annotated, Any

import typer

from press_app.cli.failures import CommandFailed
from press_app.cli.local import ACTOR, open_runtime
from press_app.cli.output import Column, Json, format_age, show, show_list

app = typer.Typer(help="Promised work of the control plane itself.", no_args_is_help=True)

COLUMNS: tuple[Column, ...] = (
    ("id", "id"),
    ("name", "name"),
    ("status", "status"),
    ("attempts", "attempts"),
    ("due", lambda row: format_age(row["run_at"])),
    ("error", "error"),
)


@app.command("list")
def list_tasks(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Those that wait or run too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    as_json: Json = False,
) -> None:
    """List tasks that failed for good, newest first."""
    from sqlalchemy import select

    from press_app.work.model import TaskRow, TaskStatus

    query = select(TaskRow).where(TaskRow.status != TaskStatus.DONE).order_by(TaskRow.id.desc()).limit(limit)
    if not everything:
        query = query.where(TaskRow.status == TaskStatus.DEAD)
    with open_runtime().work.read() as session:
        items = [_view(row) for row in session.scalars(query)]
    show_list(items, COLUMNS, as_json=as_json, nothing="No task failed for good.")


@app.command("ring")
def ring_task(
    task_id: Annotated[str, typer.Argument(help="Which task; see 'press task list'.")],
    *,
    as_json: Json = False,
) -> None:
    """Run a task again that failed for good, or that waits for its next attempt."""
    from sqlalchemy import update

    from press_app.work.model import TaskRow, TaskStatus

    runtime = open_runtime()
    with runtime.work.begin(actor=ACTOR) as uow:
        rung = uow.session.execute(
            update(TaskRow)
            .where(TaskRow.id == task_id, TaskRow.status.in_((TaskStatus.DEAD, TaskStatus.WAITING)))
            .values(
                status=TaskStatus.WAITING,
                attempts=0,
                run_at=uow.now(),
                planned_at=uow.now(),
                rung_at=None,
                ended_at=None,
            )
            .execution_options(synchronize_session=False)
        )
        row = uow.session.get(TaskRow, task_id)
        if row is None or getattr(rung, "rowcount", 0) != 1:
            state = f"it is {row.status}" if row else "there is none"
            message = f"The task {task_id} cannot be rung: {state}. Nothing was changed."
            raise CommandFailed(message, code="task_not_ringable")
        view, queue = _view(row), row.queue
    runtime.bell.ring(task_id, queue)
    show(view, as_json=as_json, sentence=f"{view['name']} is due again.")


def _view(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "args": row.args,
        "status": row.status.value,
        "attempts": row.attempts,
        "run_at": row.run_at.isoformat(),
        "error": row.error,
        "correlation_id": row.correlation_id,
    }
