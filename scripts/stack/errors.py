"""What stops ``init.sh``, as one sentence for the person who runs it."""


class StackError(Exception):
    """``message`` says what happened and what to do; ``log`` is what a program said."""

    def __init__(self, message: str, *, log: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.log = log
