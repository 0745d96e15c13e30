"""What can be done with people, teams and members."""

from sqlalchemy.exc import IntegrityError

from press_app.kit.db import ReadSession, Session
from press_app.kit.ids import new_id
from press_app.kit.pagination import Page, PageRequest, read_page
from press_app.kit.passwords import hash_password, verify_password
from press_app.teams import repository
from press_app.teams.errors import (
    EmailInvalid,
    EmailTaken,
    LastOwner,
    MemberExists,
    MemberUnknown,
    OwnersOnly,
    PasswordWrong,
    TeamUnknown,
)
from press_app.teams.model import Membership, Role, Team, User
from press_app.teams.rules import check_new_password, normalise_email
from press_app.work.unit_of_work import UnitOfWork


def create_user(
    uow: UnitOfWork, *, email: str, name: str, password: str | None = None, is_operator: bool = False
) -> User:
    """A new person. Raises :class:`EmailTaken`, ``EmailInvalid``, ``PasswordWeak``."""
    address = normalise_email(email)
    hashed = None
    if password is not None:
        check_new_password(password, address)
        hashed = hash_password(password)
    user = _add_user(uow, address, name, hashed)
    if user is None:
        message = (
            "Another account has this e-mail address. Nothing was changed. Sign in, or use another address."
        )
        raise EmailTaken(message)
    user.is_operator = is_operator
    return user


def _add_user(uow: UnitOfWork, email: str, name: str, password_hash: str | None) -> User | None:
    user = User(
        id=new_id(),
        email=email,
        name=name.strip() or email,
        password_hash=password_hash,
        is_operator=False,
        language="en",
        created_at=uow.now(),
    )
    return user if _add(uow, user) else None


def _add(uow: UnitOfWork, row: User | Team | Membership) -> bool:
    """False when a unique key is taken; the transaction goes on."""
    try:
        with uow.session.begin_nested():
            uow.session.add(row)
    except IntegrityError:
        return False
    return True


def set_password(uow: UnitOfWork, user_id: str, password: str) -> None:
    """Replace the password. Raises ``PasswordWeak``; the caller ends the browser sessions."""
    user = get_user(uow.session, user_id)
    check_new_password(password, user.email)
    user.password_hash = hash_password(password)


def disable_user(uow: UnitOfWork, user_id: str) -> None:
    """No session of this person is honoured any more, from the next request on."""
    get_user(uow.session, user_id).disabled_at = uow.now()


def get_user(session: Session | ReadSession, user_id: str) -> User:
    """Raises :class:`MemberUnknown`."""
    user = session.get(User, user_id)
    if user is None:
        message = "There is no such user. Nothing was changed."
        raise MemberUnknown(message)
    return user


def find_user(session: Session | ReadSession, email: str) -> User | None:
    """By e-mail address, in any spelling of case."""
    return repository.find_user_by_email(session, normalise_email(email))


def check_password(session: Session | ReadSession, email: str, password: str) -> tuple[User, str | None]:
    """The user, and a new hash to store where the old one is outdated. Raises :class:`PasswordWrong`.

    It takes the same time for addresses that nobody has.
    """
    user = repository.find_user_by_email(session, email.strip().lower())
    good, renewed = verify_password(password, user.password_hash if user else None)
    if user is None or not good or user.disabled_at is not None:
        message = "E-mail address and password do not belong together. Nobody was signed in."
        raise PasswordWrong(message)
    return user, renewed


def list_roles(session: Session | ReadSession, user_id: str) -> dict[str, Role]:
    """Team id → role of this person."""
    return repository.find_roles(session, user_id)


def create_team(
    uow: UnitOfWork, *, name: str, owner_id: str | None = None, customer_ref: str | None = None
) -> Team:
    """A new team, with its owner where one is given."""
    team = Team(id=new_id(), name=name.strip(), customer_ref=customer_ref, created_at=uow.now())
    uow.session.add(team)
    uow.session.flush()
    if owner_id is not None:
        add_member(uow, team.id, owner_id, Role.OWNER)
    uow.record("team.created", f"team:{team.id}", f"Team {team.name} was created.", team_id=team.id)
    return team


def lock_team(uow: UnitOfWork, team_id: str) -> Team:
    """The team, which nobody else changes until this unit of work has ended. Raises :class:`TeamUnknown`."""
    team = uow.session.get(Team, team_id, with_for_update=True)
    if team is None:
        raise team_unknown()
    return team


def get_team(session: Session | ReadSession, team_id: str) -> Team:
    """Raises :class:`TeamUnknown`."""
    team = session.get(Team, team_id)
    if team is None:
        raise team_unknown()
    return team


def team_unknown() -> TeamUnknown:
    """The same answer for a team that does not exist and for one the caller may not see."""
    message = "There is no such team, or you are not in it. Nothing was changed."
    return TeamUnknown(message)


def find_team_by_customer(session: Session | ReadSession, customer_ref: str) -> Team | None:
    """The team that Lago knows under this external customer id."""
    return repository.find_team_by_customer(session, customer_ref)


def list_teams(session: ReadSession, team_ids: list[str] | None, request: PageRequest) -> Page[Team]:
    """The teams among ``team_ids``; None lists all."""
    return read_page(session, repository.teams_of(team_ids), Team.id, request)


def find_teams(session: ReadSession, team_ids: list[str]) -> list[Team]:
    """Those of the ids that exist, oldest first."""
    return list(session.scalars(repository.teams_of(team_ids).order_by(Team.id)))


def rename_team(uow: UnitOfWork, team_id: str, name: str) -> Team:
    """Raises :class:`TeamUnknown`."""
    team = get_team(uow.session, team_id)
    team.name = name.strip()
    return team


def ensure_team_for_customer(uow: UnitOfWork, *, customer_ref: str, name: str, email: str | None) -> Team:
    """The team of a billing customer, made at first sight with the owner of ``email``.

    Idempotent, and safe when two callers come at once. A person who is new gets an account without password;
    an address that cannot be one leaves the team without owner until an operator adds him.
    """
    found = repository.find_team_by_customer(uow.session, customer_ref)
    if found is not None:
        return found
    team = Team(
        id=new_id(), name=name.strip() or customer_ref, customer_ref=customer_ref, created_at=uow.now()
    )
    if not _add(uow, team):
        winner = repository.find_team_by_customer(uow.session, customer_ref)
        if winner is None:
            raise team_unknown()
        return winner
    owner = _find_or_add_owner(uow, email, name)
    if owner is not None:
        _add(uow, Membership(team_id=team.id, user_id=owner.id, role=Role.OWNER, created_at=uow.now()))
    message = f"Team {team.name} was created for customer {customer_ref}."
    uow.record("team.created", f"team:{team.id}", message, team_id=team.id)
    return team


def _find_or_add_owner(uow: UnitOfWork, email: str | None, name: str) -> User | None:
    try:
        return ensure_person(uow, email or "", name)
    except EmailInvalid:
        return None


def ensure_person(uow: UnitOfWork, email: str, name: str = "") -> User:
    """The person of this address; a new one gets an account without password. Raises :class:`EmailInvalid`."""
    address = normalise_email(email)
    found = repository.find_user_by_email(uow.session, address)
    found = found or _add_user(uow, address, name, None)
    found = found or repository.find_user_by_email(uow.session, address)  # another was faster
    if found is None:
        message = "The account was made and removed at the same moment. Nothing was changed. Try again."
        raise EmailTaken(message)
    return found


def add_member(uow: UnitOfWork, team_id: str, user_id: str, role: Role) -> Membership:
    """Raises :class:`TeamUnknown`, :class:`MemberUnknown`, :class:`MemberExists`."""
    get_team(uow.session, team_id)
    user = get_user(uow.session, user_id)
    row = Membership(team_id=team_id, user_id=user_id, role=role, created_at=uow.now())
    if not _add(uow, row):
        message = "This person is in the team already. Nothing was changed. Change the role instead."
        raise MemberExists(message)
    uow.record("member.added", f"team:{team_id}", f"{user.name} joined as {role.value}.", team_id=team_id)
    return row


def change_role(uow: UnitOfWork, team_id: str, user_id: str, role: Role, *, by_owner: bool) -> Membership:
    """Raises :class:`MemberUnknown`, :class:`OwnersOnly`, :class:`LastOwner`."""
    row = get_member(uow.session, team_id, user_id)
    check_may_touch(row.role, role, by_owner=by_owner)
    if row.role is Role.OWNER and role is not Role.OWNER:
        _keep_an_owner(uow, team_id, user_id)
    row.role = role
    uow.record(
        "member.changed", f"team:{team_id}", f"A member is now {role.value}.", team_id=team_id, user=user_id
    )
    return row


def remove_member(uow: UnitOfWork, team_id: str, user_id: str, *, by_owner: bool) -> None:
    """Raises :class:`MemberUnknown`, :class:`OwnersOnly`, :class:`LastOwner`."""
    row = get_member(uow.session, team_id, user_id)
    check_may_touch(row.role, row.role, by_owner=by_owner)
    if row.role is Role.OWNER:
        _keep_an_owner(uow, team_id, user_id)
    uow.session.delete(row)
    uow.record("member.removed", f"team:{team_id}", "A member was removed.", team_id=team_id, user=user_id)


def check_may_touch(now: Role, wanted: Role, *, by_owner: bool) -> None:
    """Owners are made, changed and removed by owners only. Raises :class:`OwnersOnly`."""
    if Role.OWNER in {now, wanted} and not by_owner:
        message = "Only an owner of the team can make, change or remove an owner. Nothing was changed. Ask one of them."
        raise OwnersOnly(message)


def _keep_an_owner(uow: UnitOfWork, team_id: str, user_id: str) -> None:
    if repository.count_other_owners(uow.session, team_id, user_id) == 0:
        message = "A team keeps at least one owner. Nothing was changed. Make somebody else owner first."
        raise LastOwner(message)


def get_member(session: Session | ReadSession, team_id: str, user_id: str) -> Membership:
    """Raises :class:`MemberUnknown`."""
    row = session.get(Membership, (team_id, user_id))
    if row is None:
        message = "This person is not in the team. Nothing was changed."
        raise MemberUnknown(message)
    return row


def list_members(session: ReadSession, team_id: str, request: PageRequest) -> Page[tuple[Membership, User]]:
    """The members of a team, each with the person."""
    page = read_page(session, repository.members_of(team_id), Membership.user_id, request)
    users = repository.find_users(session, [row.user_id for row in page.items])
    return Page([(row, users[row.user_id]) for row in page.items], page.next_cursor)


def find_owner_email(session: Session | ReadSession, team_id: str) -> str | None:
    """Where the first owner of the team gets mail; None while it has no owner."""
    return repository.find_owner_email(session, team_id)
