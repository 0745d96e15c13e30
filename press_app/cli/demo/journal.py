"""The steps of a demo: how long each took, and whether it held."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from press_app.cli.failures import CommandFailed
from press_app.cli.output import make_console


@dataclass
class Step:
    """One promise that was tried."""

    key: str
    step: str
    seconds: float = 0.0
    held: bool = False
    detail: str = ""


@dataclass
class Journal:
    """All steps so far; people see each as it happens, on standard error."""

    is_quiet: bool = False
    steps: list[Step] = field(default_factory=list)

    @contextmanager
    def step(self, key: str, title: str) -> Iterator[Step]:
        """Time a promise; a :class:`CommandFailed` in it becomes a step that did not hold, and goes on up."""
        step = Step(key, title)
        self.steps.append(step)
        start = time.monotonic()
        try:
            with self._waiting(title):
                yield step
            step.held = True
        except CommandFailed as failure:
            step.detail = failure.message
            raise
        finally:
            step.seconds = round(time.monotonic() - start, 3)
            self._tell(step)

    @contextmanager
    def _waiting(self, title: str) -> Iterator[None]:
        console = make_console(stderr=True)
        if self.is_quiet or not console.is_terminal:
            yield
            return
        with console.status(title):
            yield

    def _tell(self, step: Step) -> None:
        if not self.is_quiet:
            mark = "✓" if step.held else "✗"
            detail = f"  {step.detail}" if step.detail else ""
            make_console(stderr=True).print(
                f"{mark} {step.step}  {step.seconds:.2f} s{detail}", markup=False, soft_wrap=True
            )

    def describe(self) -> list[dict[str, Any]]:
        return [asdict(step) for step in self.steps]
