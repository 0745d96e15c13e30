"""The life of a server."""

from enum import StrEnum

from press_app.kit.lifecycle import Lifecycle, Stable


class ServerStatus(StrEnum):
    """Where a server stands."""

    PENDING = "pending"
    ACTIVE = "active"
    DRAINING = "draining"
    RETIRED = "retired"


class ServerEvent(StrEnum):
    """What moves a server."""

    ENROLLED = "enrolled"
    DRAIN = "drain"
    REOPEN = "reopen"
    RETIRE = "retire"


LIFECYCLE: Lifecycle[ServerStatus, ServerEvent] = Lifecycle(
    name="server",
    initial=ServerStatus.PENDING,
    states={
        ServerStatus.PENDING: Stable(meaning="Known by name; its agent's key is not."),
        ServerStatus.ACTIVE: Stable(meaning="Takes work.", allows=frozenset({"place", "run"})),
        ServerStatus.DRAINING: Stable(
            meaning="Keeps what it has, takes nothing new.", allows=frozenset({"run"})
        ),
        ServerStatus.RETIRED: Stable(meaning="Holds nothing and is not asked any more."),
    },
    moves={
        (ServerStatus.PENDING, ServerEvent.ENROLLED): (ServerStatus.ACTIVE, "Keys were exchanged."),
        (ServerStatus.ACTIVE, ServerEvent.ENROLLED): (
            ServerStatus.ACTIVE,
            "The agent came with a new key or address.",
        ),
        (ServerStatus.ACTIVE, ServerEvent.DRAIN): (ServerStatus.DRAINING, "An operator empties it."),
        (ServerStatus.DRAINING, ServerEvent.REOPEN): (ServerStatus.ACTIVE, "An operator opens it again."),
        (ServerStatus.DRAINING, ServerEvent.RETIRE): (ServerStatus.RETIRED, "It holds nothing any more."),
        (ServerStatus.PENDING, ServerEvent.RETIRE): (ServerStatus.RETIRED, "It was never used."),
    },
)
