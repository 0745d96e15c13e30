"""Shapes of subscriptions on the wire (docs/contracts/bridge.md)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, Field

from press_app.billing.commands import ObserveSubscription
from press_app.billing.model import Subscription, TerminationGuard, WantedState
from press_app.plans.rules import DESCRIPTIONS, order_apps
from press_app.sites.lifecycle import SiteStatus
from press_app.sites.model import Site

HomeWord = Annotated[str, Field(max_length=64)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
AppName = Annotated[str, Field(min_length=1, max_length=40)]


class Customer(BaseModel):
    """Whom Lago bills."""

    external_id: str = Field(min_length=1, max_length=190)
    name: str = Field(max_length=190)
    email: str | None = Field(default=None, max_length=254)
    country: HomeWord | None = None
    """Where he is at home; what is missing, or means nothing here, is the platform's own."""
    currency: HomeWord | None = None
    language: HomeWord | None = None
    time_zone: HomeWord | None = None


class Reason(BaseModel):
    """Why it is held or ended."""

    code: Literal["unpaid", "not_active", "terminated"]
    message: str = Field(max_length=500)
    invoices: list[Annotated[str, Field(max_length=64)]] = Field(default=[], max_length=100)


class Granted(BaseModel):
    """Entitlements of this subscription; a missing number is no limit."""

    sites: Count | None = None
    users: Count | None = None
    storage_gb: Count | None = None
    apps: list[AppName] | None = Field(default=None, max_length=50)


class SubscriptionPut(BaseModel):
    """The wanted state as the bridge computed it."""

    customer: Customer
    plan_code: str = Field(min_length=1, max_length=64)
    wanted: WantedState
    reason: Reason | None = None
    name: str | None = Field(default=None, max_length=190)
    entitlements: Granted | None = None
    lago_id: str | None = Field(default=None, max_length=64)
    observed_at: AwareDatetime

    def command(self, external_id: str) -> ObserveSubscription:
        """What the service is asked."""
        return ObserveSubscription(
            external_id=external_id,
            customer_ref=self.customer.external_id,
            customer_name=self.customer.name,
            customer_email=self.customer.email,
            home={
                "country": self.customer.country,
                "currency": self.customer.currency,
                "language": self.customer.language,
                "time_zone": self.customer.time_zone,
            },
            plan_code=self.plan_code,
            wanted=self.wanted.value,
            reason=self.reason.model_dump() if self.reason else None,
            name=self.name,
            entitlements=self.entitlements.model_dump() if self.entitlements else None,
            lago_id=self.lago_id,
            observed_at=self.observed_at,
        )


class CoveredSite(BaseModel):
    """A site that lives on a subscription."""

    id: str
    name: str
    hostname: str | None
    status: SiteStatus

    @classmethod
    def of(cls, site: Site) -> Self:
        return cls.model_validate(site, from_attributes=True)


class SubscriptionView(BaseModel):
    """A subscription as the control plane holds it."""

    external_id: str
    team_id: str
    wanted: WantedState
    plan_code: str
    observed_at: datetime
    reason: dict[str, Any] | None
    entitlements: dict[str, Any] | None
    ended_at: datetime | None
    applied: bool = True
    sites: list[CoveredSite]

    @classmethod
    def of(cls, subscription: Subscription, sites: Sequence[Site], *, applied: bool = True) -> Self:
        return cls(
            external_id=subscription.external_id,
            team_id=subscription.team_id,
            wanted=subscription.wanted,
            plan_code=subscription.plan_code,
            observed_at=subscription.observed_at,
            reason=subscription.reason,
            entitlements=subscription.override,
            ended_at=subscription.ended_at,
            applied=applied,
            sites=[CoveredSite.of(site) for site in sites],
        )


class SubscriptionPage(BaseModel):
    """One page of subscriptions."""

    items: list[SubscriptionView]
    next_cursor: str | None


class SiteApp(BaseModel):
    """An app as one site sees it."""

    app: str
    description: str | None
    is_installed: bool
    is_granted: bool
    """By what the site lives on: its plan, or an operator's word."""
    is_offered: bool
    """By the release that the site runs on."""


class SiteApps(BaseModel):
    """What a site has, what its plan grants, what its release offers."""

    apps: list[SiteApp]

    @classmethod
    def of(cls, installed: Sequence[str], granted: Sequence[str] | None, offered: Sequence[str]) -> Self:
        """``granted`` None: all."""
        return cls(
            apps=[
                SiteApp(
                    app=app,
                    description=DESCRIPTIONS.get(app),
                    is_installed=app in installed,
                    is_granted=granted is None or app in granted,
                    is_offered=app in offered,
                )
                for app in order_apps({*installed, *(granted or ()), *offered})
            ]
        )


class GuardView(BaseModel):
    """Whether endings wait for an operator."""

    is_tripped: bool
    tripped_at: datetime | None
    count: int

    @classmethod
    def of(cls, guard: TerminationGuard | None) -> Self:
        if guard is None:
            return cls(is_tripped=False, tripped_at=None, count=0)
        return cls(is_tripped=True, tripped_at=guard.tripped_at, count=guard.count)


class Released(BaseModel):
    """How many endings were confirmed."""

    confirmed: int
