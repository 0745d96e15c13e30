"""HTTP doors of teams: names, members and API tokens."""

from datetime import datetime, timedelta
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from press_app.access import service as access
from press_app.access.dependencies import IdempotencyDep, PageDep, SubjectDep, WorkDep, open_uow
from press_app.access.model import ApiToken
from press_app.access.problems import problems
from press_app.access.rules import Permission
from press_app.access.subject import Subject
from press_app.api.fields import Id, Name
from press_app.kit.pagination import PageView
from press_app.teams import service
from press_app.teams.model import Membership, Role, Team, User

router = APIRouter(prefix="/v1/teams", tags=["teams"])

READ = problems(401, 403, 404, 422)
WRITE = problems(401, 403, 404, 409, 422)


class TeamView(BaseModel):
    """A team."""

    id: str
    name: str
    customer_ref: str | None = Field(description="The customer's external id in Lago.")
    created_at: datetime

    @classmethod
    def of(cls, team: Team) -> Self:
        return cls.model_validate(team, from_attributes=True)


class TeamForm(BaseModel):
    """A team's name."""

    model_config = ConfigDict(extra="forbid")

    name: Name


class MemberView(BaseModel):
    """A person in a team."""

    user_id: str
    email: str
    name: str
    role: Role
    since: datetime

    @classmethod
    def of(cls, row: Membership, user: User) -> Self:
        return cls(user_id=user.id, email=user.email, name=user.name, role=row.role, since=row.created_at)


class MemberForm(BaseModel):
    """Whom to add; an address that is new gets an account without password."""

    model_config = ConfigDict(extra="forbid")

    email: Annotated[str, Field(min_length=3, max_length=190)]
    role: Role


class RoleForm(BaseModel):
    """What the member is from now on."""

    model_config = ConfigDict(extra="forbid")

    role: Role


class TokenView(BaseModel):
    """An API token without its secret."""

    id: str
    name: str
    scopes: list[str]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, row: ApiToken) -> Self:
        return cls.model_validate(row, from_attributes=True)


class NewToken(TokenView):
    """A token that was just made."""

    token: str | None = Field(
        default=None, description="Shown this once; null when the answer is given again."
    )


class TokenForm(BaseModel):
    """What a token may do, and for how long."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    scopes: Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=30)]
    days: Annotated[int, Field(ge=1, le=3650)] | None = Field(
        default=None, description="Null: until revoked."
    )


def let_in(who: Subject, team_id: str, action: Permission) -> None:
    """Let pass who may do it; the teams of others do not exist."""
    who.require_team(team_id, action, missing=service.team_unknown())


@router.get("", operation_id="list_teams", responses=problems(401, 403, 422))
def list_teams(work: WorkDep, who: SubjectDep, page: PageDep) -> PageView[TeamView]:
    """The teams I am in; operators see all."""
    with work.read() as session:
        found = service.list_teams(session, who.team_ids(Permission.TEAMS_READ), page)
        return PageView[TeamView].of(found, TeamView.of)


@router.get("/{team_id}", operation_id="get_team", responses=READ)
def get_team(team_id: Id, work: WorkDep, who: SubjectDep) -> TeamView:
    """One team."""
    let_in(who, team_id, Permission.TEAMS_READ)
    with work.read() as session:
        return TeamView.of(service.get_team(session, team_id))


@router.patch("/{team_id}", operation_id="rename_team", responses=READ)
def rename_team(team_id: Id, form: TeamForm, work: WorkDep, who: SubjectDep) -> TeamView:
    """Give the team another name."""
    let_in(who, team_id, Permission.TEAMS_WRITE)
    with open_uow(work, who) as uow:
        return TeamView.of(service.rename_team(uow, team_id, form.name))


@router.get("/{team_id}/members", operation_id="list_members", responses=READ)
def list_members(team_id: Id, work: WorkDep, who: SubjectDep, page: PageDep) -> PageView[MemberView]:
    """Who is in the team."""
    let_in(who, team_id, Permission.TEAMS_READ)
    with work.read() as session:
        service.get_team(session, team_id)
        found = service.list_members(session, team_id, page)
        return PageView[MemberView].of(found, lambda pair: MemberView.of(*pair))


@router.post("/{team_id}/members", status_code=201, operation_id="add_member", responses=WRITE)
def add_member(
    team_id: Id, form: MemberForm, work: WorkDep, who: SubjectDep, idempotency: IdempotencyDep
) -> MemberView:
    """Add a person by e-mail address."""
    let_in(who, team_id, Permission.MEMBERS_WRITE)
    service.check_may_touch(form.role, form.role, by_owner=who.is_owner(team_id))
    with open_uow(work, who) as uow:

        def add() -> MemberView:
            user = service.ensure_person(uow, form.email)
            return MemberView.of(service.add_member(uow, team_id, user.id, form.role), user)

        return idempotency.run(uow, add)


@router.patch("/{team_id}/members/{user_id}", operation_id="change_member", responses=WRITE)
def change_member(team_id: Id, user_id: Id, form: RoleForm, work: WorkDep, who: SubjectDep) -> MemberView:
    """Give a member another role."""
    let_in(who, team_id, Permission.MEMBERS_WRITE)
    with open_uow(work, who) as uow:
        row = service.change_role(uow, team_id, user_id, form.role, by_owner=who.is_owner(team_id))
        return MemberView.of(row, service.get_user(uow.session, user_id))


@router.delete("/{team_id}/members/{user_id}", status_code=204, operation_id="remove_member", responses=WRITE)
def remove_member(team_id: Id, user_id: Id, work: WorkDep, who: SubjectDep) -> None:
    """Take a person out of the team; it counts from the next request on."""
    is_self = who.user_id == user_id
    let_in(who, team_id, Permission.TEAMS_READ if is_self else Permission.MEMBERS_WRITE)
    with open_uow(work, who) as uow:
        service.remove_member(uow, team_id, user_id, by_owner=who.is_owner(team_id) or is_self)


@router.get("/{team_id}/tokens", operation_id="list_tokens", responses=READ)
def list_tokens(team_id: Id, work: WorkDep, who: SubjectDep, page: PageDep) -> PageView[TokenView]:
    """The team's API tokens, newest first."""
    let_in(who, team_id, Permission.TOKENS_WRITE)
    with work.read() as session:
        service.get_team(session, team_id)
        return PageView[TokenView].of(access.list_tokens(session, team_id, page), TokenView.of)


@router.post("/{team_id}/tokens", status_code=201, operation_id="create_token", responses=WRITE)
def create_token(
    team_id: Id, form: TokenForm, work: WorkDep, who: SubjectDep, idempotency: IdempotencyDep
) -> NewToken:
    """Make an API token. Its secret is in this answer and nowhere else."""
    let_in(who, team_id, Permission.TOKENS_WRITE)
    with open_uow(work, who) as uow:

        def make() -> NewToken:
            service.get_team(uow.session, team_id)
            lifetime = None if form.days is None else timedelta(days=form.days)
            issued = access.create_token(
                uow, name=form.name, scopes=form.scopes, team_id=team_id, lifetime=lifetime
            )
            return NewToken(**TokenView.of(issued.row).model_dump(), token=issued.secret)

        return idempotency.run(uow, make, keep=lambda view: view.model_copy(update={"token": None}))


@router.delete("/{team_id}/tokens/{token_id}", status_code=204, operation_id="revoke_token", responses=READ)
def revoke_token(team_id: Id, token_id: Id, work: WorkDep, who: SubjectDep) -> None:
    """End a token, from the next request on."""
    let_in(who, team_id, Permission.TOKENS_WRITE)
    with open_uow(work, who) as uow:
        access.revoke_token(uow, token_id, team_id=team_id)
