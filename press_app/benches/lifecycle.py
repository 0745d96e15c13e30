"""The life of a bench."""

from datetime import timedelta
from enum import StrEnum

from press_app.kit.lifecycle import Lifecycle, Stable, Working


class BenchStatus(StrEnum):
    """Where a bench stands."""

    DRAFT = "draft"
    DEPLOYING = "deploying"
    RUNNING = "running"
    DRAINING = "draining"
    RETIRING = "retiring"
    RETIRED = "retired"
    BROKEN = "broken"


class BenchEvent(StrEnum):
    """What moves a bench."""

    DEPLOY = "deploy"
    DEPLOYED = "deployed"
    FAILED = "failed"
    DRAIN = "drain"
    REOPEN = "reopen"
    RETIRE = "retire"
    RETIRED = "retired"


LIFECYCLE: Lifecycle[BenchStatus, BenchEvent] = Lifecycle(
    name="bench",
    initial=BenchStatus.DRAFT,
    states={
        BenchStatus.DRAFT: Stable(meaning="Planned; nothing stands on the host."),
        BenchStatus.DEPLOYING: Working(
            meaning="The agent installs the release, makes templates and starts it.",
            target=BenchStatus.RUNNING,
            within=timedelta(minutes=30),
            on_timeout=BenchEvent.FAILED,
        ),
        BenchStatus.RUNNING: Stable(
            meaning="Serves sites and takes new ones.", allows=frozenset({"place", "serve"})
        ),
        BenchStatus.DRAINING: Stable(
            meaning="Serves its sites, takes no new ones.", allows=frozenset({"serve"})
        ),
        BenchStatus.RETIRING: Working(
            meaning="The agent stops it and removes its programs.",
            target=BenchStatus.RETIRED,
            within=timedelta(minutes=10),
            on_timeout=BenchEvent.FAILED,
        ),
        BenchStatus.RETIRED: Stable(meaning="Nothing of it stands on the host."),
        BenchStatus.BROKEN: Stable(meaning="A job failed; an operator deploys or retires it again."),
    },
    moves={
        (BenchStatus.DRAFT, BenchEvent.DEPLOY): (BenchStatus.DEPLOYING, "The job was promised."),
        (BenchStatus.DEPLOYING, BenchEvent.DEPLOYED): (BenchStatus.RUNNING, "It answers."),
        (BenchStatus.DEPLOYING, BenchEvent.FAILED): (
            BenchStatus.BROKEN,
            "The job failed or its time is over.",
        ),
        (BenchStatus.RUNNING, BenchEvent.DEPLOY): (
            BenchStatus.DEPLOYING,
            "Deployed again: converges, keeps sites.",
        ),
        (BenchStatus.RUNNING, BenchEvent.DRAIN): (BenchStatus.DRAINING, "An operator empties it."),
        (BenchStatus.DRAINING, BenchEvent.REOPEN): (BenchStatus.RUNNING, "An operator opens it again."),
        (BenchStatus.DRAINING, BenchEvent.RETIRE): (BenchStatus.RETIRING, "It is empty and goes."),
        (BenchStatus.RETIRING, BenchEvent.RETIRED): (BenchStatus.RETIRED, "The host holds nothing of it."),
        (BenchStatus.RETIRING, BenchEvent.FAILED): (
            BenchStatus.BROKEN,
            "The job failed or its time is over.",
        ),
        (BenchStatus.BROKEN, BenchEvent.DEPLOY): (BenchStatus.DEPLOYING, "Tried again."),
        (BenchStatus.BROKEN, BenchEvent.RETIRE): (BenchStatus.RETIRING, "Given up."),
    },
)
