"""What stops an ``up``: one sentence that says what happened and what to do."""


class UpError(Exception):
    """``message`` goes to the user as it stands; a following ``up`` continues where this one stopped."""

    def __init__(self, message: str, *, log: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.log = log
        """The last lines of what failed, shown above the sentence."""
        self.reason = reason or message
        """What the failing program itself said, in one sentence where it had one."""
