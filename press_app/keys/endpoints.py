"""HTTP doors of the keys."""

from fastapi import APIRouter

from press_app.access.dependencies import IdempotencyDep, PageDep, SubjectDep, WorkDep, open_uow
from press_app.access.problems import problems
from press_app.access.rules import Permission
from press_app.keys import service
from press_app.keys.schemas import BackupKeyPage, BackupKeyView
from press_app.teams import service as teams

router = APIRouter(prefix="/v1/teams/{team_id}/backup-keys", tags=["teams"])


@router.get("", operation_id="list_backup_keys", responses=problems(401, 403, 404, 422))
def list_backup_keys(team_id: str, work: WorkDep, who: SubjectDep, page: PageDep) -> BackupKeyPage:
    """The versions of the key that the team's backups are encrypted with, the newest first."""
    who.require_team(team_id, Permission.BACKUPS_READ, missing=teams.team_unknown())
    with work.read() as session:
        teams.get_team(session, team_id)
        found = service.list_keys(session, team_id, page)
        return BackupKeyPage(
            items=[BackupKeyView.of(key) for key in found.items], next_cursor=found.next_cursor
        )


@router.post(
    "", status_code=201, operation_id="rotate_backup_key", responses=problems(401, 403, 404, 409, 422)
)
def rotate_backup_key(
    team_id: str, work: WorkDep, who: SubjectDep, idempotency: IdempotencyDep
) -> BackupKeyView:
    """Make a newer key: backups from now on are encrypted with it, those of before stay readable."""
    who.require_team(team_id, Permission.TEAMS_WRITE, missing=teams.team_unknown())
    with open_uow(work, who) as uow:

        def make() -> BackupKeyView:
            teams.get_team(uow.session, team_id)
            return BackupKeyView.of(service.rotate(uow, team_id))

        return idempotency.run(uow, make)
