"""One base for the control plane's errors; the small subclasses stand beside the code that raises them."""

from typing import ClassVar


class PressError(Exception):
    """An expected failure.

    ``message`` says what happened, what it did to the data and what to do next; ``context`` is for programs.
    """

    code: ClassVar[str] = "press_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "The control plane could not do this"

    def __init__(self, message: str, **context: object) -> None:
        super().__init__(message)
        self.message = message
        self.context = context


class NotFound(PressError):
    """The thing does not exist, or the caller may not know that it does."""

    code = "not_found"
    status = 404
    title = "Not found"


class Conflict(PressError):
    """Somebody else changed the same thing first, or its state does not allow this now."""

    code = "conflict"
    status = 409
    title = "Conflict"


class Forbidden(PressError):
    """The caller is known and may not do this."""

    code = "forbidden"
    status = 403
    title = "Not allowed"


class Unauthorized(PressError):
    """The caller is not known."""

    code = "unauthorized"
    status = 401
    title = "Sign in first"


class Invalid(PressError):
    """The request is well-formed but asks for something that cannot be."""

    code = "invalid"
    status = 422
    title = "Not possible as asked"
