"""Two tables: what a role allows, and which scopes a token can have."""

from enum import StrEnum

from press_app.teams.rules import Role


class Permission(StrEnum):
    """Something that can be done in a team; a token needs the scope of the same name."""

    TEAMS_READ = "teams:read"
    TEAMS_WRITE = "teams:write"
    MEMBERS_WRITE = "members:write"
    TOKENS_WRITE = "tokens:write"
    SITES_READ = "sites:read"
    SITES_WRITE = "sites:write"
    SITES_LOGIN = "sites:login"
    BACKUPS_READ = "backups:read"
    BACKUPS_WRITE = "backups:write"
    JOBS_READ = "jobs:read"
    BILLING_READ = "billing:read"
    BILLING_WRITE = "billing:write"


OPERATOR = "operator"
SUBSCRIPTIONS_WRITE = "subscriptions:write"
SUBSCRIPTIONS_READ = "subscriptions:read"

_VIEWER = frozenset({Permission.TEAMS_READ, Permission.SITES_READ, Permission.JOBS_READ})
_BILLING = _VIEWER | {Permission.BILLING_READ, Permission.BILLING_WRITE}
_DEVELOPER = _VIEWER | {
    Permission.SITES_WRITE,
    Permission.SITES_LOGIN,
    Permission.BACKUPS_READ,
    Permission.BACKUPS_WRITE,
}
_ALL = frozenset(Permission)

ROLE_ALLOWS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: _ALL,
    Role.ADMIN: _ALL,  # all but owners, which the teams slice guards
    Role.DEVELOPER: _DEVELOPER,
    Role.BILLING: _BILLING,
    Role.VIEWER: _VIEWER,
}

# A token makes no tokens and no members: a leaked one must not be able to outlive its revocation.
TEAM_SCOPES: frozenset[str] = frozenset(
    permission.value for permission in _ALL - {Permission.MEMBERS_WRITE, Permission.TOKENS_WRITE}
)
SYSTEM_SCOPES: frozenset[str] = TEAM_SCOPES | {OPERATOR, SUBSCRIPTIONS_READ, SUBSCRIPTIONS_WRITE}
