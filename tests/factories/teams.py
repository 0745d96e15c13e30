"""Builders of people and teams."""

from itertools import count
from typing import Any

from press_app.teams import service
from press_app.teams.model import Role, Team, User
from press_app.work.unit_of_work import UnitOfWork

PASSWORD = "correct horse battery"
_number = count(1)


def make_user(uow: UnitOfWork, **overrides: Any) -> User:
    """A person with an address of his own."""
    number = next(_number)
    values = {"email": f"person{number}@example.org", "name": f"Person {number}", **overrides}
    return service.create_user(uow, **values)


def make_team(uow: UnitOfWork, *, owner: User | None = None, **overrides: Any) -> Team:
    """A team with an owner."""
    values = {"name": f"Team {next(_number)}", **overrides}
    owner = owner or make_user(uow)
    return service.create_team(uow, owner_id=owner.id, **values)


def make_member(uow: UnitOfWork, team: Team, role: Role, **overrides: Any) -> User:
    """Somebody more in the team."""
    user = make_user(uow, **overrides)
    service.add_member(uow, team.id, user.id, role)
    return user
