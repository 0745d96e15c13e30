"""What an operation is: typed parameters and an ordered list of idempotent steps."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, TypeVar

from agent.commands.redact import Secret
from agent.engines.port import Engine, Progress
from agent.engines.shelf import Engines
from agent.host.clock import Clock
from agent.operations.params import Params
from agent.stores.port import BackupStore

P = TypeVar("P", bound=Params)
P_co = TypeVar("P_co", bound=Params, covariant=True)
P_contra = TypeVar("P_contra", bound=Params, contravariant=True)


class Urgency(StrEnum):
    """Which queue a job waits in; somebody watches the urgent ones."""

    URGENT = "urgent"
    DEFAULT = "default"
    SLOW = "slow"
    BACKUP = "backup"


@dataclass(frozen=True, kw_only=True)
class Host:
    """What operations work with on this machine."""

    engines: Engines
    store: BackupStore
    clock: Clock
    kept: Path
    """Where the data of a site lie that a failed job could not put back: for the next one."""


@dataclass(kw_only=True)
class Context(Generic[P_co]):
    """One run of one job."""

    job_id: str
    params: P_co
    host: Host
    work_dir: Path
    """A folder of this job alone; it stands until the job has ended."""
    progress: Progress
    get_secret: Callable[[str], Secret]
    """Reads a secret that the params name. Raises ``secrets_refused``."""
    notes: dict[str, Any] = field(default_factory=dict)
    """Facts that later steps, the undo and the result need; stored with each step, so a killed run finds them again."""

    @property
    def engine(self) -> Engine:
        """The engine of the job's bench. Raises ``bench_unknown``."""
        return self.host.engines.get_for_bench(self.params.bench_id)


@dataclass(frozen=True, kw_only=True)
class Step(Generic[P_contra]):
    """One thing to bring about. Run again after a crash it must converge; ``run`` answers whether it changed anything."""

    key: StrEnum
    title: str
    run: Callable[[Context[P_contra]], bool]
    undo: Callable[[Context[P_contra]], None] | None = None
    """Takes back what the job did in this step, by the notes; called too when the step broke half-way."""
    irreversible: bool = False
    """No deadline interrupts it, and when it fails nothing before it is undone."""
    patience_seconds: float = 0.0
    """For how long a failure is tried again."""


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[P]):
    """A name that the control plane may ask for."""

    name: str
    params: type[P]
    target: str
    """``bench`` or ``site``."""
    urgency: Urgency
    purpose: str
    """What a person reads when the target is busy: ``back up the site``."""
    steps: tuple[Step[P], ...]
    result: Callable[[Context[P]], dict[str, Any]]
    receipt: Callable[[Context[P]], dict[str, Any] | None] | None = None
    """What a failed job still hands over, by the notes alone; None when nothing of worth stands."""
    excludes_sites: bool = False
    """No job on a site of the bench may be open while this one is, and the other way round."""


def no_result(_: Context[Any]) -> dict[str, Any]:
    """Answer nothing but that it is done."""
    return {}
