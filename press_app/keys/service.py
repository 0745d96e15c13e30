"""What can be done with keys: name the newest, make a newer one, list them."""

from sqlalchemy import select

from press_app.jobs import service as jobs
from press_app.keys.model import BackupKey
from press_app.kit.crypto import new_key
from press_app.kit.db import ReadSession, Session
from press_app.kit.ids import new_id
from press_app.kit.pagination import Page, PageRequest, read_page
from press_app.teams import service as teams
from press_app.work.unit_of_work import UnitOfWork


def name_key(key_id: str) -> dict[str, str]:
    """How a job names a key: the agent fetches what it is made of."""
    return {"id": key_id, "secret": f"secret://backup-key/{key_id}/value"}


def name_newest(uow: UnitOfWork, team_id: str) -> dict[str, str]:
    """The key that the team's backups are encrypted with from now on; the first is made when it is needed."""
    newest = find_newest(uow.session, team_id)
    if newest is None:
        teams.lock_team(uow, team_id)
        newest = find_newest(uow.session, team_id, is_locking=True) or _make(uow, team_id, version=1)
    return name_key(newest.id)


def rotate(uow: UnitOfWork, team_id: str) -> BackupKey:
    """Make a newer key. Backups of before keep theirs, which is why no older key is ever removed here."""
    teams.lock_team(uow, team_id)
    newest = find_newest(uow.session, team_id, is_locking=True)
    key = _make(uow, team_id, version=1 if newest is None else newest.version + 1)
    message = f"New backups are encrypted with version {key.version} of the team's key."
    uow.record("backup_key.rotated", f"team:{team_id}", message, team_id=team_id, key_id=key.id)
    return key


def _make(uow: UnitOfWork, team_id: str, *, version: int) -> BackupKey:
    key = BackupKey(id=new_id(), team_id=team_id, version=version, created_by=uow.actor, created_at=uow.now())
    jobs.put_secret(uow, name_key(key.id)["secret"], new_key())
    uow.session.add(key)
    uow.session.flush()
    return key


def find_newest(
    session: Session | ReadSession, team_id: str, *, is_locking: bool = False
) -> BackupKey | None:
    """The key of the highest version; a locking look sees what others have just stored."""
    query = select(BackupKey).where(BackupKey.team_id == team_id).order_by(BackupKey.version.desc()).limit(1)
    return session.scalar(query.with_for_update() if is_locking else query)


def list_keys(session: ReadSession, team_id: str, request: PageRequest) -> Page[BackupKey]:
    """All versions, the newest first."""
    query = select(BackupKey).where(BackupKey.team_id == team_id)
    return read_page(session, query, BackupKey.id, request, newest_first=True)
