"""One run of one job: forward through its steps, or back through what they did."""

import errno
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import stamina
import structlog

from agent.commands.redact import Secret, redact
from agent.errors import AgentError
from agent.host.clock import read_time
from agent.jobs.deadline import interrupt_after
from agent.jobs.errors import DeadlinePassed, LedgerUnavailable, SecretsUnavailable
from agent.jobs.ledger import Ledger
from agent.jobs.model import JobError, JobRecord, JobStatus, StepState
from agent.jobs.model import Step as StepRecord
from agent.jobs.output import StepOutput
from agent.operations.base import Context, Host, Operation, Step
from agent.press_client import PressRefused, PressUnreachable

SECRETS_SECONDS = 60.0
UNDO_TRIES = 3
PAUSE_SECONDS = 0.25
FINISHED = (StepState.DONE, StepState.UNCHANGED)
UNTOUCHED = (StepState.PENDING, StepState.SKIPPED, StepState.COMPENSATED)
log = structlog.get_logger(__name__)


class Attempt:
    """Writes down each step before and after it; a step that is written as finished is not run again."""

    def __init__(
        self,
        *,
        record: JobRecord,
        operation: Operation[Any],
        ledger: Ledger,
        host: Host,
        work_dir: Path,
        fetch_secrets: Callable[[str, Sequence[str]], dict[str, Secret]],
        wake_reporter: Callable[[], None],
    ) -> None:
        self._job_id = record.job.id
        self._record = record
        self._operation = operation
        self._ledger = ledger
        self._host = host
        self._fetch_secrets = fetch_secrets
        self._wake_reporter = wake_reporter
        self._secrets: dict[str, Secret] = {}
        self._current = 0
        self._output = StepOutput(self._save_output, self._secrets.values)
        self._context: Context[Any] = Context(
            job_id=record.job.id,
            params=operation.params.model_validate(record.params),
            host=host,
            work_dir=work_dir,
            progress=self._say,
            get_secret=self._get_secret,
            notes=dict(record.notes),
        )

    def go(self) -> dict[str, Any]:
        """Run the steps that are not finished. Returns the job's result; raises what a step raised."""
        states = [step.state for step in self._record.job.steps]
        waiting = [index for index, state in enumerate(states) if state not in FINISHED]
        self._current = waiting[0] if waiting else len(states) - 1
        for place, index in enumerate(waiting):
            was_cut_off = states[index] is StepState.RUNNING
            if place == 0:
                self._begin(index)
            self._current = index
            changed = self._run(self._operation.steps[index])
            # A step that was cut off may have done its work without having said so.
            state = StepState.DONE if changed or was_cut_off else StepState.UNCHANGED
            self._end(index, state, begin=waiting[place + 1] if place + 1 < len(waiting) else None)
        return self._operation.result(self._context)

    def record_failure(self, error: Exception) -> None:
        """Write down why it stops, before anything is taken back: a kill in between finds it."""
        key = self._operation.steps[self._current].key.value
        failure = self._describe(error, key)
        with self._ledger.changing(self._job_id) as record:
            step = record.job.steps[self._current]
            self._close(step, StepState.FAILED, f"{self._output.text}{failure.message}\n")
            for later in record.job.steps[self._current + 1 :]:
                later.state = StepState.SKIPPED
            record.failure = failure
            record.notes = self._context.notes
            self._record = record
        self._wake_reporter()

    def compensate(self) -> JobError:
        """Undo the begun steps from the last to the first. Returns the error that the job ends with."""
        failure = self._record.failure
        if failure is None:
            raise ValueError("a job without a failure has nothing to take back")
        if self._has_passed_no_return():
            return failure
        left: list[str] = []
        for index in reversed(range(len(self._operation.steps))):
            step = self._operation.steps[index]
            if step.undo is None or self._record.job.steps[index].state in UNTOUCHED:
                continue
            if not self._undo(index, step):
                left.append(step.title)
        if left:
            message = f"{failure.message} This could not be taken back: {', '.join(left)}; look at the steps' output."
            return failure.model_copy(update={"message": message, "compensated": False})
        return failure.model_copy(update={"compensated": True})

    def find_receipt(self) -> dict[str, Any] | None:
        """Return what the failed job still hands over: a backup that was read back and stands."""
        return None if self._operation.receipt is None else self._operation.receipt(self._context)

    def _has_passed_no_return(self) -> bool:
        begun = zip(self._operation.steps, self._record.job.steps, strict=True)
        return any(step.irreversible and noted.state not in UNTOUCHED for step, noted in begun)

    def _say(self, line: str) -> None:
        self._output.add(line)

    def _run(self, step: Step[Any]) -> bool:
        self._output = StepOutput(self._save_output, self._secrets.values)
        seconds = (read_time(self._record.job.deadline) - self._host.clock()).total_seconds()
        if step.irreversible:
            return self._run_patiently(step)
        with interrupt_after(seconds):
            return self._run_patiently(step)

    def _run_patiently(self, step: Step[Any]) -> bool:
        began, said = time.monotonic(), ""
        while True:
            try:
                return step.run(self._context)
            except (DeadlinePassed, LedgerUnavailable):
                raise
            except (AgentError, OSError) as error:
                if time.monotonic() >= began + _get_patience(step, error) or _is_refusal(error):
                    raise
                message = self._describe(error, step.key.value).message
                if message != said:
                    self._output.add(message)
                said = message
                time.sleep(PAUSE_SECONDS)

    def _undo(self, index: int, step: Step[Any]) -> bool:
        self._current = index
        self._output = StepOutput(self._save_output, self._secrets.values)
        self._output.add(self._record.job.steps[index].output)
        for _ in range(UNDO_TRIES):
            try:
                if step.undo is not None:
                    step.undo(self._context)
            except LedgerUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it was, the rest must be taken back too
                self._output.add(f"could not be taken back: {self._describe(error, step.key.value).message}")
                time.sleep(PAUSE_SECONDS)
            else:
                self._save_state(index, StepState.COMPENSATED)
                return True
        self._save_state(index, StepState.FAILED)
        return False

    def _save_state(self, index: int, state: StepState) -> None:
        with self._ledger.changing(self._job_id) as record:
            self._close(record.job.steps[index], state, self._output.text)
            record.notes = self._context.notes
            self._record = record
        self._wake_reporter()

    def _begin(self, index: int) -> None:
        with self._ledger.changing(self._job_id) as record:
            record.job.status = JobStatus.RUNNING
            record.job.started_at = record.job.started_at or self._ledger.now()
            self._open(record.job.steps[index])
        self._wake_reporter()

    def _end(self, index: int, state: StepState, *, begin: int | None) -> None:
        """Finish a step and begin the next one in the same write."""
        with self._ledger.changing(self._job_id) as record:
            self._close(record.job.steps[index], state, self._output.text)
            record.notes = self._context.notes
            if begin is not None:
                self._open(record.job.steps[begin])
        self._wake_reporter()

    def _open(self, step: StepRecord) -> None:
        step.state = StepState.RUNNING
        step.started_at = self._ledger.now()

    def _close(self, step: StepRecord, state: StepState, output: str) -> None:
        step.state = state
        step.finished_at = self._ledger.now()
        started = read_time(step.started_at or step.finished_at)
        step.seconds = round((read_time(step.finished_at) - started).total_seconds(), 3)
        step.output = output

    def _save_output(self, text: str) -> None:
        with self._ledger.changing(self._job_id) as record:
            record.job.steps[self._current].output = text
        self._wake_reporter()

    def _get_secret(self, ref: str) -> Secret:
        named = self._context.params.secret_refs
        if ref not in named:
            raise SecretsUnavailable("The job does not name this secret. Nothing was changed.")
        if ref not in self._secrets:
            self._secrets.update(self._fetch(named))
        return self._secrets[ref]

    def _fetch(self, refs: Sequence[str]) -> dict[str, Secret]:
        try:
            return stamina.retry(on=PressUnreachable, attempts=None, timeout=SECRETS_SECONDS, wait_max=2.0)(
                self._fetch_secrets
            )(self._job_id, refs)
        except (PressRefused, PressUnreachable) as error:
            raise SecretsUnavailable(f"A secret of the job could not be fetched: {error.message}") from error

    def _describe(self, error: Exception, step: str) -> JobError:
        code, message = (
            "internal_error",
            f"The agent met an error of its own ({type(error).__name__}). See its log.",
        )
        if isinstance(error, AgentError):
            code, message = error.code, error.message
        elif isinstance(error, OSError):
            code = "disk_full" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "host_error"
            message = f"The host refused: {error.strerror or error}. Free what is short, then send a new job."
        else:
            log.error("step.crashed", step=step, exc_info=error)
        return JobError(
            code=code, message=redact(message, self._secrets.values()), step=step, compensated=False
        )


def _get_patience(step: Step[Any], error: Exception) -> float:
    passes = error.passes_in_seconds if isinstance(error, AgentError) else 0.0
    return max(step.patience_seconds, passes)


def _is_refusal(error: AgentError | OSError) -> bool:
    """Say whether the same question would get the same answer: something is unknown, taken or wrong."""
    return isinstance(error, AgentError) and error.status in {404, 409, 422}
