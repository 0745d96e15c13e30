"""Who asks: a person, a team's token or a token of the platform, and what each may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from press_app.access.errors import OperatorsOnly, RoleMissing, ScopeMissing
from press_app.access.rules import OPERATOR, ROLE_ALLOWS, SUBSCRIPTIONS_READ, SUBSCRIPTIONS_WRITE, Permission
from press_app.errors import NotFound, PressError
from press_app.teams.rules import Role


class SubjectKind(StrEnum):
    """How somebody proved who he is."""

    USER = "user"
    TOKEN = "token"  # noqa: S105 - a word, not a secret
    """A program of one team."""
    SYSTEM = "system"
    """A program of the platform, for all teams within its scopes."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The caller of one request."""

    kind: SubjectKind
    id: str
    """The user's id, or the token's."""
    name: str
    user_id: str | None = None
    roles: Mapping[str, Role] = field(default_factory=dict)
    """Team id → role."""
    scopes: frozenset[str] | None = None
    """What a token is limited to; None for people."""
    is_operator: bool = False
    session_id: str | None = None
    """The browser session, where one was used."""

    @property
    def actor(self) -> str:
        """How the journal names the caller: ``user:<id>`` or ``token:<id>``."""
        return f"user:{self.id}" if self.kind is SubjectKind.USER else f"token:{self.id}"

    def is_member(self, team_id: str | None) -> bool:
        """Whether the caller may know that the team exists."""
        return self.is_operator or self.kind is SubjectKind.SYSTEM or team_id in self.roles

    def can(self, team_id: str | None, action: Permission) -> bool:
        """Whether ``action`` is allowed in the team."""
        if self.is_operator:
            return True
        if self.scopes is not None and action not in self.scopes:
            return False
        if self.kind is SubjectKind.SYSTEM:
            return True
        role = self.roles.get(team_id or "")
        return role is not None and action in ROLE_ALLOWS[role]

    def team_ids(self, action: Permission) -> list[str] | None:
        """Teams in which ``action`` is allowed, for lists; None means all. Raises :class:`ScopeMissing`."""
        if self.is_operator:
            return None
        self.require_scope(action)
        if self.kind is SubjectKind.SYSTEM:
            return None
        return [team_id for team_id in self.roles if self.can(team_id, action)]

    def require_team(
        self, team_id: str | None, action: Permission, *, missing: PressError | None = None
    ) -> None:
        """Let pass only who may do ``action`` in the team.

        Raises ``missing`` (the very error of an id that does not exist; else :class:`NotFound`) for teams of others,
        :class:`ScopeMissing` and :class:`RoleMissing`.
        """
        if not self.is_member(team_id):
            message = "There is no such thing, or it is not yours. Nothing was changed."
            raise missing or NotFound(message)
        if self.can(team_id, action):
            return
        self.require_scope(action)
        message = f"Your role in this team does not allow {action.value}. Nothing was changed. Ask an owner or admin of the team."
        raise RoleMissing(message, permission=action.value)

    def require_scope(self, scope: str) -> None:
        """Let pass people, operators, and tokens with the scope. Raises :class:`ScopeMissing`."""
        if self.is_operator or self.scopes is None or scope in self.scopes:
            return
        message = (
            f"This token has no scope '{scope}'. Nothing was changed. Use a token that was made with it."
        )
        raise ScopeMissing(message, scope=scope)

    def require_system(self, scope: str) -> None:
        """Let pass operators and programs of the platform with the scope; never people or tokens of a team."""
        if self.is_operator:
            return
        if self.kind is not SubjectKind.SYSTEM:
            raise operators_only()
        self.require_scope(scope)

    def is_reader_of_all(self) -> bool:
        """Whether subscriptions of every team may be read: operators and the billing bridge."""
        if self.is_operator:
            return True
        may_read = {SUBSCRIPTIONS_READ, SUBSCRIPTIONS_WRITE} & (self.scopes or frozenset())
        return self.kind is SubjectKind.SYSTEM and bool(may_read)

    def require_operator(self) -> None:
        """Let pass operators only. Raises :class:`OperatorsOnly`."""
        if not self.is_operator:
            raise operators_only()

    def is_owner(self, team_id: str) -> bool:
        """Whether the caller may touch owners of the team."""
        return self.is_operator or self.roles.get(team_id) is Role.OWNER


def operators_only() -> OperatorsOnly:
    """The refusal for everybody else."""
    message = "Only operators of the platform can do this. Nothing was changed. Ask one of them."
    return OperatorsOnly(message, scope=OPERATOR)
