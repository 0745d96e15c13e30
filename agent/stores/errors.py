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


class StoreMisnamed(AgentError):
    """A name or location that the store cannot have given out."""

    code: ClassVar[str] = "backup_location_invalid"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "This is no location of this store"
