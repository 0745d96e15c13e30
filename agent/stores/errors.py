"""What can go wrong with a backup store."""

from typing import ClassVar

from agent.errors import AgentError


class BackupMissing(AgentError):
    """The store holds nothing there."""

    code: ClassVar[str] = "backup_missing"
    status: ClassVar[int] = 404
    title: ClassVar[str] = "The backup is not in the store"


class BackupConflict(AgentError):
    """Something else stands under the name."""

    code: ClassVar[str] = "backup_conflict"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "The store holds another backup under this name"


class BackupLocked(AgentError):
    """The store keeps the object until its lock ends; nobody can delete it before."""

    code: ClassVar[str] = "backup_locked"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "The backup is locked"

    def __init__(self, message: str, *, until: str | None, **context: object) -> None:
        super().__init__(message, until=until, **context)
        self.until = until
        """When the lock ends; None where somebody holds it without an end."""


class StoreMisnamed(AgentError):
    """A name or location that the store cannot have given out."""

    code: ClassVar[str] = "backup_location_invalid"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "This is no location of this store"


class StoreRefused(AgentError):
    """The store does not take the host's keys, or they may not do this."""

    code: ClassVar[str] = "store_refused"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The store refuses the keys"


class StoreBucketMissing(AgentError):
    """There is no such bucket."""

    code: ClassVar[str] = "store_bucket_missing"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The store has no such bucket"


class StoreUnlockable(AgentError):
    """A lock is asked for, and the bucket has none."""

    code: ClassVar[str] = "store_not_lockable"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The store locks nothing"


class StoreFull(AgentError):
    """The store has no room."""

    code: ClassVar[str] = "store_full"
    title: ClassVar[str] = "The store is full"


class StoreThrottled(AgentError):
    """The store asks for fewer requests, for longer than is waited by itself."""

    code: ClassVar[str] = "store_throttled"
    title: ClassVar[str] = "The store is too busy"
    passes_in_seconds: ClassVar[float] = 120.0


class StoreUnreachable(AgentError):
    """No answer, or none in time."""

    code: ClassVar[str] = "store_unreachable"
    title: ClassVar[str] = "The store does not answer"
    passes_in_seconds: ClassVar[float] = 120.0


class StoreFailed(AgentError):
    """The store answers with an error of its own."""

    code: ClassVar[str] = "store_failed"
    title: ClassVar[str] = "The store met an error"
    passes_in_seconds: ClassVar[float] = 30.0


class SealBroken(AgentError):
    """The encrypted backup is not what was written."""

    code: ClassVar[str] = "backup_damaged"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The backup is damaged"


class SealKeyWrong(AgentError):
    """It was encrypted with another key, or none was named."""

    code: ClassVar[str] = "backup_key_wrong"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The backup does not open with this key"
