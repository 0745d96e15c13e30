"""Says what is being done, how long it took, and keeps the figures."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console


@dataclass
class Journal:
    """Steps go to the terminal as they happen; ``timings`` is for programs."""

    console: Console
    timings: list[dict[str, float | str]] = field(default_factory=list)
    current: str = ""

    @contextmanager
    def step(self, title: str, *, hint: str = "") -> Iterator[None]:
        """One piece of work. ``hint`` says how long it usually takes. What was begun stays in ``current`` on failure."""
        self.current = title
        start = time.monotonic()
        waiting = f"{title} [dim]({hint})[/]" if hint else title
        with self.console.status(waiting) if self.console.is_terminal else _silent():
            yield
        seconds = time.monotonic() - start
        self.timings.append({"step": title, "seconds": round(seconds, 2)})
        self.console.print(f"[green]✓[/] {title} [dim]{seconds:.1f} s[/]", highlight=False)
        self.current = ""

    def note(self, text: str) -> None:
        self.console.print(f"  [dim]{text}[/]", highlight=False)


@contextmanager
def _silent() -> Iterator[None]:
    yield
