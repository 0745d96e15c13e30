"""JSON shapes of plans."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from press_app.plans.model import Interval, Plan

Limit = Annotated[int, Field(ge=1, le=1_000_000)]
Days = Annotated[int, Field(ge=0, le=3650)]


class PlanView(BaseModel):
    """A plan as everybody may see it; null limits mean unlimited."""

    code: str
    name: str
    price_cents: int | None
    currency: str
    interval: Interval
    max_sites: int | None
    max_users: int | None
    storage_gb: int | None
    apps: list[str]
    grace_days: int
    retention_days: int
    public: bool

    @classmethod
    def of(cls, plan: Plan) -> Self:
        return cls.model_validate(plan, from_attributes=True)


class PlanList(BaseModel):
    """All plans; there are few, so they come on one page."""

    items: list[PlanView]


class PlanChange(BaseModel):
    """What an operator wants to be different; absent fields stay, null limits mean unlimited."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=120)] | None = None
    price_cents: Annotated[int, Field(ge=0, le=100_000_000)] | None = None
    max_sites: Limit | None = None
    max_users: Limit | None = None
    storage_gb: Limit | None = None
    apps: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=50)] | None = None
    grace_days: Days | None = None
    retention_days: Days | None = None
    public: bool | None = None
    position: Annotated[int, Field(ge=0, le=10_000)] | None = None

    @model_validator(mode="after")
    def _refuse_null_where_a_value_must_be(self) -> Self:
        for name in ("name", "apps", "grace_days", "retention_days", "public", "position"):
            if name in self.model_fields_set and getattr(self, name) is None:
                message = f"{name} cannot be null"
                raise ValueError(message)
        return self
