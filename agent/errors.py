"""One base for the agent's errors: a code for programs, a message with the way out for people."""

from typing import ClassVar


class AgentError(Exception):
    """An expected failure. ``message`` says what happened, what it did to the data, what to do next."""

    code: ClassVar[str] = "agent_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "The agent could not do this"
    passes_in_seconds: ClassVar[float] = 0.0
    """How long what is to blame may take to come back by itself; a step that it stops is tried again for so long."""

    def __init__(self, message: str, **context: object) -> None:
        super().__init__(message)
        self.message = message
        self.context = context
