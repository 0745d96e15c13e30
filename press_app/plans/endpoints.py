"""HTTP doors of the plans."""

from typing import Annotated

from fastapi import APIRouter, Path

from press_app.access.dependencies import SubjectDep, WorkDep, open_uow
from press_app.access.problems import problems
from press_app.plans import service
from press_app.plans.schemas import PlanChange, PlanList, PlanView

router = APIRouter(prefix="/v1/plans", tags=["plans"])

Code = Annotated[str, Path(max_length=64)]


@router.get("", operation_id="list_plans")
def list_plans(work: WorkDep) -> PlanList:
    """What can be bought. Public."""
    with work.read() as session:
        return PlanList(items=[PlanView.of(plan) for plan in service.list_plans(session)])


@router.get("/{code}", operation_id="get_plan", responses=problems(404, 422))
def get_plan(code: Code, work: WorkDep) -> PlanView:
    """One plan. Public."""
    with work.read() as session:
        return PlanView.of(service.read_plan(session, code))


@router.patch("/{code}", operation_id="change_plan", responses=problems(401, 403, 404, 409, 422))
def change_plan(code: Code, change: PlanChange, work: WorkDep, who: SubjectDep) -> PlanView:
    """Change a plan. For operators."""
    who.require_operator()
    with open_uow(work, who) as uow:
        return PlanView.of(service.change_plan(uow, code, change.model_dump(exclude_unset=True)))
