"""An invoice's states: open and closed ones are never shown."""

from enum import StrEnum


class InvoiceStep(StrEnum):
    """What can happen to an invoice."""

    FINALIZE = "finalize"
    CLOSE = "close"
    VOID = "void"


TRANSITIONS = {
    ("open", InvoiceStep.FINALIZE): "finalized",  # numbered and announced; a gated one when it is paid
    ("open", InvoiceStep.CLOSE): "closed",  # the gated start it belonged to was cancelled
    ("finalized", InvoiceStep.VOID): "voided",
}


def advance_invoice(state: str, step: InvoiceStep) -> str:
    """The state after ``step``. Raises ValueError where the step is not allowed."""
    try:
        return TRANSITIONS[state, step]
    except KeyError:
        raise ValueError(f"an {state} invoice cannot {step}; nothing was changed") from None
