"""Why an operation gave up."""

from typing import ClassVar

from agent.errors import AgentError


class BenchNotEmpty(AgentError):
    """Sites are on the bench."""

    code: ClassVar[str] = "bench_not_empty"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "Sites are on the bench"


class BackupDamaged(AgentError):
    """What the store gives back is not what was put there."""

    code: ClassVar[str] = "backup_damaged"
    title: ClassVar[str] = "The backup is damaged"


class SiteNotClosed(AgentError):
    """The site still answers its users."""

    code: ClassVar[str] = "site_not_closed"
    title: ClassVar[str] = "The site still answers"


class NothingKept(AgentError):
    """There were no readable data before the job."""

    code: ClassVar[str] = "nothing_kept"
    title: ClassVar[str] = "There is nothing to go back to"


class BackupForeign(AgentError):
    """The backup was made by another engine."""

    code: ClassVar[str] = "backup_foreign"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The backup is of another engine"


class SpareMissing(AgentError):
    """The prepared site that was to become a tenant's is not there."""

    code: ClassVar[str] = "spare_missing"
    status: ClassVar[int] = 404
    title: ClassVar[str] = "The prepared site is not there"


class BenchForeign(AgentError):
    """The bench runs another engine."""

    code: ClassVar[str] = "bench_foreign"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The bench runs another engine"
