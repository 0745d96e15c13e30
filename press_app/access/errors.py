"""Why somebody may not do what he asks for."""

from press_app.errors import Forbidden, Invalid, NotFound, PressError, Unauthorized


class CredentialMissing(Unauthorized):
    """Nothing in the request says who asks."""

    code = "credential_missing"


class CredentialInvalid(Unauthorized):
    """The token or session is unknown, expired or revoked."""

    code = "credential_invalid"


class CrossSiteRefused(Forbidden):
    """A browser session was used from a page of another site."""

    code = "cross_site_refused"


class RoleMissing(Forbidden):
    """The role in this team does not allow it."""

    code = "role_missing"


class ScopeMissing(Forbidden):
    """The token was not given this scope."""

    code = "scope_missing"


class OperatorsOnly(Forbidden):
    """Only operators of the platform may do this."""

    code = "operators_only"


class PeopleOnly(Forbidden):
    """Only a signed-in person can do this."""

    code = "people_only"


class ScopeUnknown(Invalid):
    """There is no such scope, or tokens of this kind cannot have it."""

    code = "scope_unknown"


class SessionUnknown(NotFound):
    """No such browser session of this user."""

    code = "session_unknown"


class TokenUnknown(NotFound):
    """No such API token in this team."""

    code = "token_unknown"


class TooManyAttempts(PressError):
    """Too many failed attempts to sign in."""

    code = "too_many_attempts"
    status = 429
    title = "Too many attempts"


class TooManyRequests(PressError):
    """More requests than this caller may send in a minute."""

    code = "too_many_requests"
    status = 429
    title = "Too many requests"
