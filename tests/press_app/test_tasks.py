"""What holds for every task that is declared."""

from press_app.bootstrap import TASKS


def test_only_what_is_scheduled_again_may_be_given_up_after_one_attempt() -> None:
    """A worker may die over any task; one that is dead waits for a person."""
    brittle = [name for name, task in TASKS.items() if task.max_attempts == 1 and task.schedule is None]
    assert brittle == []
