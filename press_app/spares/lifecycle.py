"""The life of a spare."""

from datetime import timedelta
from enum import StrEnum

from press_app.kit.lifecycle import Lifecycle, Stable, Working


class SpareStatus(StrEnum):
    """Where a spare stands."""

    PREPARING = "preparing"
    READY = "ready"
    GIVEN = "given"
    LEAVING = "leaving"
    GONE = "gone"
    BROKEN = "broken"


class SpareEvent(StrEnum):
    """What moves a spare."""

    PREPARED = "prepared"
    GIVE = "give"
    LEAVE = "leave"
    LEFT = "left"
    FAIL = "fail"


LIFECYCLE: Lifecycle[SpareStatus, SpareEvent] = Lifecycle(
    name="spare",
    initial=SpareStatus.PREPARING,
    states={
        SpareStatus.PREPARING: Working(
            meaning="Being cloned; nobody waits for it.",
            target=SpareStatus.READY,
            within=timedelta(minutes=15),
            on_timeout=SpareEvent.FAIL,
        ),
        SpareStatus.READY: Stable(meaning="Complete, closed, and nobody's."),
        SpareStatus.GIVEN: Stable(
            meaning="A tenant's site has its id and its data; kept for an hour to count."
        ),
        SpareStatus.LEAVING: Working(
            meaning="Being removed from the host.",
            target=SpareStatus.GONE,
            within=timedelta(minutes=15),
            on_timeout=SpareEvent.FAIL,
        ),
        SpareStatus.GONE: Stable(meaning="Nothing of it stands on the host."),
        SpareStatus.BROKEN: Stable(meaning="It could not be made or removed; it is removed after a while."),
    },
    moves={
        (SpareStatus.PREPARING, SpareEvent.PREPARED): (SpareStatus.READY, "The agent made it."),
        (SpareStatus.PREPARING, SpareEvent.FAIL): (SpareStatus.BROKEN, "It failed, or its time is over."),
        (SpareStatus.READY, SpareEvent.GIVE): (SpareStatus.GIVEN, "An order took it."),
        (SpareStatus.READY, SpareEvent.LEAVE): (
            SpareStatus.LEAVING,
            "It is too old, one too many, or its bench takes no new sites.",
        ),
        (SpareStatus.GIVEN, SpareEvent.LEAVE): (
            SpareStatus.LEAVING,
            "The order was called off before the site was made.",
        ),
        (SpareStatus.BROKEN, SpareEvent.LEAVE): (SpareStatus.LEAVING, "What may be left of it goes."),
        (SpareStatus.LEAVING, SpareEvent.LEFT): (SpareStatus.GONE, "The host holds nothing of it."),
        (SpareStatus.LEAVING, SpareEvent.FAIL): (SpareStatus.BROKEN, "It failed, or its time is over."),
    },
)
