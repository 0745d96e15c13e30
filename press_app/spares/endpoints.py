"""HTTP door of the spares; for operators."""

from fastapi import APIRouter

from press_app.access.dependencies import PageDep, SubjectDep, WorkDep
from press_app.access.problems import problems
from press_app.spares import service
from press_app.spares.schemas import SparePage, SpareView

router = APIRouter(prefix="/v1/spares", tags=["spares"])


@router.get("", operation_id="list_spares", responses=problems(401, 403, 422))
def list_spares(work: WorkDep, who: SubjectDep, page: PageDep) -> SparePage:
    """Sites that stand ready for the next orders."""
    who.require_operator()
    with work.read() as session:
        found = service.list_spares(session, page)
        return SparePage(items=[SpareView.of(spare) for spare in found.items], next_cursor=found.next_cursor)
