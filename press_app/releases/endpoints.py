"""HTTP doors of the releases; all for operators."""

from fastapi import APIRouter

from press_app.access.dependencies import IdempotencyDep, PageDep, SubjectDep, WorkDep, open_uow
from press_app.access.problems import problems
from press_app.releases import service
from press_app.releases.model import Release
from press_app.releases.schemas import ReleaseCreate, ReleasePage, ReleaseView

router = APIRouter(prefix="/v1/releases", tags=["releases"])


def _view(release: Release) -> ReleaseView:
    return ReleaseView.of(release, service.list_offered(release))


@router.post("", status_code=201, operation_id="add_release", responses=problems(401, 403, 409, 422))
def add_release(
    body: ReleaseCreate, work: WorkDep, who: SubjectDep, idempotency: IdempotencyDep
) -> ReleaseView:
    """Add a release; the same one again is given back."""
    who.require_operator()
    with open_uow(work, who) as uow:
        return idempotency.run(uow, lambda: _view(service.add_release(uow, **body.model_dump())))


@router.get("", operation_id="list_releases", responses=problems(401, 403, 422))
def list_releases(work: WorkDep, who: SubjectDep, page: PageDep) -> ReleasePage:
    """All releases."""
    who.require_operator()
    with work.read() as session:
        found = service.list_releases(session, page)
        items = [_view(release) for release in found.items]
        return ReleasePage(items=items, next_cursor=found.next_cursor)
