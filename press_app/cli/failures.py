"""How a command ends when it does not succeed."""

from typing import Any

REFUSED = 1
USAGE = 2
UNREACHABLE = 3


class CommandFailed(Exception):
    """One sentence for people, a code for programs, and the exit status of the process."""

    def __init__(
        self, message: str, *, code: str = "command_failed", status: int = REFUSED, **context: Any
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.context = context

    def describe(self) -> dict[str, Any]:
        """What ``--json`` prints on standard error."""
        return {"code": self.code, "message": self.message, **self.context}
