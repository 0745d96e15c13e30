"""Builders of subjects and credentials."""

from collections.abc import Collection

from press_app.access import service
from press_app.access.subject import Subject, SubjectKind
from press_app.kit.ids import new_id
from press_app.teams.model import Role
from press_app.work.unit_of_work import UnitOfWork


def make_token(uow: UnitOfWork, scopes: Collection[str], *, team_id: str | None = None) -> str:
    """The secret of a new token; without a team it is one of the platform."""
    return service.create_token(uow, name="a program", scopes=scopes, team_id=team_id).secret


def make_person(roles: dict[str, Role] | None = None, *, is_operator: bool = False) -> Subject:
    """A signed-in person."""
    user_id = new_id()
    return Subject(
        kind=SubjectKind.USER,
        id=user_id,
        user_id=user_id,
        name="somebody",
        roles=roles or {},
        is_operator=is_operator,
    )


def bearer(secret: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {secret}"}
