"""Why a request was not believed."""

from typing import ClassVar

from agent.errors import AgentError


class CredentialRefused(AgentError):
    """The request carries no credential that holds for it. Nothing was touched."""

    code: ClassVar[str] = "credential_invalid"
    status: ClassVar[int] = 401
    title: ClassVar[str] = "The credential was refused"


class CredentialMissing(CredentialRefused):
    """No bearer token."""

    code: ClassVar[str] = "credential_missing"


class CredentialExpired(CredentialRefused):
    """Too old, or made to live too long."""

    code: ClassVar[str] = "credential_expired"


class CredentialReplayed(CredentialRefused):
    """Accepted before."""

    code: ClassVar[str] = "credential_replayed"


class CredentialWrongAudience(CredentialRefused):
    """Made for another server."""

    code: ClassVar[str] = "credential_wrong_audience"


class CredentialWrongOperation(CredentialRefused):
    """Made for another operation or job."""

    code: ClassVar[str] = "credential_wrong_operation"


class CredentialWrongBody(CredentialRefused):
    """Made for another body."""

    code: ClassVar[str] = "credential_wrong_body"


class NotEnrolled(AgentError):
    """The host knows no control plane yet."""

    code: ClassVar[str] = "not_enrolled"
    status: ClassVar[int] = 503
    title: ClassVar[str] = "This agent is not enrolled"


class AlreadyEnrolled(AgentError):
    """The host obeys another control plane."""

    code: ClassVar[str] = "already_enrolled"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "This agent is enrolled elsewhere"
