"""HTTP doors of the invariants; for operators."""

from datetime import datetime
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel

from press_app.access.dependencies import PageDep, SubjectDep, WorkDep
from press_app.access.problems import problems
from press_app.invariants import service
from press_app.invariants.model import Finding

router = APIRouter(prefix="/v1", tags=["operations"])


class InvariantView(BaseModel):
    """A promise."""

    name: str
    promise: str


class InvariantList(BaseModel):
    """All promises."""

    items: list[InvariantView]


class FindingView(BaseModel):
    """A promise that did not hold for a subject."""

    id: str
    invariant: str
    subject: str
    message: str
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None

    @classmethod
    def of(cls, finding: Finding) -> Self:
        return cls.model_validate(finding, from_attributes=True)


class FindingPage(BaseModel):
    """One page of findings, newest first."""

    items: list[FindingView]
    next_cursor: str | None


@router.get("/invariants", operation_id="list_invariants", responses=problems(401, 403))
def list_invariants(who: SubjectDep) -> InvariantList:
    """The promises that are checked all the time."""
    who.require_operator()
    return InvariantList(
        items=[
            InvariantView(name=invariant.name, promise=invariant.promise) for invariant in service.INVARIANTS
        ]
    )


@router.get("/findings", operation_id="list_findings", responses=problems(401, 403, 422))
def list_findings(work: WorkDep, who: SubjectDep, page: PageDep, only_open: bool = True) -> FindingPage:
    """What breaks a promise now, or ever did."""
    who.require_operator()
    with work.read() as session:
        found = service.list_findings(session, page, only_open=only_open)
        return FindingPage(items=[FindingView.of(row) for row in found.items], next_cursor=found.next_cursor)
