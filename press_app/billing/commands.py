"""What the bridge asks of the control plane."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ObserveSubscription:
    """The wanted state of one external id, as computed from what Lago holds at ``observed_at``."""

    external_id: str
    customer_ref: str
    customer_name: str
    customer_email: str | None
    home: Mapping[str, str | None]
    """Country, currency, language and time zone of the customer, as far as Lago knows them."""
    plan_code: str
    wanted: str
    """``run``, ``hold`` or ``end``."""
    reason: dict[str, Any] | None
    name: str | None
    entitlements: dict[str, Any] | None
    lago_id: str | None
    observed_at: datetime
