"""The life of a job as the control plane sees it."""

from datetime import timedelta
from enum import StrEnum

from press_app.kit.lifecycle import Lifecycle, Stable, Working


class JobStatus(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


class JobEvent(StrEnum):
    """What moves a job."""

    DELIVER = "deliver"
    START = "start"
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"
    LOSE = "lose"


OPEN = (JobStatus.QUEUED, JobStatus.DELIVERED, JobStatus.RUNNING)

_WITHIN = timedelta(hours=1)
"""An upper bound; each job carries a nearer deadline of its own."""

LIFECYCLE: Lifecycle[JobStatus, JobEvent] = Lifecycle(
    name="job",
    initial=JobStatus.QUEUED,
    states={
        JobStatus.QUEUED: Working(
            meaning="Promised; the agent may not know it yet.",
            target=JobStatus.SUCCEEDED,
            within=_WITHIN,
            on_timeout=JobEvent.LOSE,
            allows=frozenset({"secrets"}),
        ),
        JobStatus.DELIVERED: Working(
            meaning="In the agent's ledger.",
            target=JobStatus.SUCCEEDED,
            within=_WITHIN,
            on_timeout=JobEvent.LOSE,
            allows=frozenset({"secrets"}),
        ),
        JobStatus.RUNNING: Working(
            meaning="The agent works on it.",
            target=JobStatus.SUCCEEDED,
            within=_WITHIN,
            on_timeout=JobEvent.LOSE,
            allows=frozenset({"secrets"}),
        ),
        JobStatus.SUCCEEDED: Stable(meaning="All steps hold."),
        JobStatus.FAILED: Stable(meaning="A step failed, or the agent refused it."),
        JobStatus.CANCELLED: Stable(meaning="Called off before it began, or rolled back."),
        JobStatus.LOST: Stable(meaning="The agent was asked and does not know it, past its deadline."),
    },
    moves={
        (JobStatus.QUEUED, JobEvent.DELIVER): (JobStatus.DELIVERED, "The agent wrote it down."),
        (JobStatus.QUEUED, JobEvent.START): (JobStatus.RUNNING, "The agent's news overtook its answer."),
        (JobStatus.DELIVERED, JobEvent.START): (JobStatus.RUNNING, "A worker began."),
        (JobStatus.QUEUED, JobEvent.SUCCEED): (JobStatus.SUCCEEDED, "It was over before the answer came."),
        (JobStatus.DELIVERED, JobEvent.SUCCEED): (JobStatus.SUCCEEDED, "Its start was not heard."),
        (JobStatus.RUNNING, JobEvent.SUCCEED): (JobStatus.SUCCEEDED, "All steps hold."),
        (JobStatus.QUEUED, JobEvent.FAIL): (JobStatus.FAILED, "The agent refused it."),
        (JobStatus.DELIVERED, JobEvent.FAIL): (JobStatus.FAILED, "It failed; its start was not heard."),
        (JobStatus.RUNNING, JobEvent.FAIL): (JobStatus.FAILED, "A step failed."),
        (JobStatus.QUEUED, JobEvent.CANCEL): (JobStatus.CANCELLED, "Called off."),
        (JobStatus.DELIVERED, JobEvent.CANCEL): (JobStatus.CANCELLED, "Called off."),
        (JobStatus.RUNNING, JobEvent.CANCEL): (JobStatus.CANCELLED, "Called off and rolled back."),
        (JobStatus.QUEUED, JobEvent.LOSE): (JobStatus.LOST, "Past its deadline and never delivered."),
        (JobStatus.DELIVERED, JobEvent.LOSE): (
            JobStatus.LOST,
            "Past its deadline, and the agent does not know it.",
        ),
        (JobStatus.RUNNING, JobEvent.LOSE): (
            JobStatus.LOST,
            "Past its deadline, and the agent does not know it.",
        ),
    },
)
