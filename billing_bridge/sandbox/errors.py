"""Errors in the shape that Lago answers: status, error, code and details."""

from http import HTTPStatus
from typing import Any


class SandboxError(Exception):
    """An expected refusal. ``body`` is what the client reads; nothing of the request was kept."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    code: str | None = None

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.status.phrase)
        self.message = message or self.status.phrase

    @property
    def body(self) -> dict[str, Any]:
        """Status and text, plus a code where the refusal has one."""
        body: dict[str, Any] = {"status": int(self.status), "error": self.message}
        if self.code is not None:
            body["code"] = self.code
        return body


class BadRequestError(SandboxError):
    """The body is no JSON, or its root key is missing."""

    status = HTTPStatus.BAD_REQUEST


class UnauthorizedError(SandboxError):
    """No API key, or the wrong one."""

    status = HTTPStatus.UNAUTHORIZED


class ForbiddenError(SandboxError):
    """Lago sells this with a premium licence; the sandbox has none."""

    status = HTTPStatus.FORBIDDEN
    code = "feature_unavailable"


class NotFoundError(SandboxError):
    """There is no such ``resource``."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self, resource: str) -> None:
        super().__init__()
        self.code = f"{resource}_not_found"


class NotAllowedError(SandboxError):
    """The object's state does not allow this."""

    status = HTTPStatus.METHOD_NOT_ALLOWED

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code


class ValidationError(SandboxError):
    """Fields were refused; ``details`` maps each field to its codes."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "validation_errors"

    def __init__(self, **details: Any) -> None:
        # Lago's own wording; the standard's newer name for 422 would differ.
        super().__init__("Unprocessable Entity")
        self.details = details

    @property
    def body(self) -> dict[str, Any]:
        return super().body | {"error_details": self.details}
