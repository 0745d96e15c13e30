"""What can be done with subscriptions: observe them, cover sites, end them."""

from press_app.billing.service.coverage import (
    BY_OPERATOR,
    find_granted_apps,
    on_site_apps_wanted,
    on_site_reserved,
    on_site_return_wanted,
)
from press_app.billing.service.ending import end, release_guard
from press_app.billing.service.observing import Observed, observe
from press_app.billing.service.reads import (
    find_guard,
    get_subscription,
    list_sites_of,
    list_subscriptions,
    list_uncovered_active,
    list_unfinished_ends,
)

__all__ = [
    "BY_OPERATOR",
    "Observed",
    "end",
    "find_granted_apps",
    "find_guard",
    "get_subscription",
    "list_sites_of",
    "list_subscriptions",
    "list_uncovered_active",
    "list_unfinished_ends",
    "observe",
    "on_site_apps_wanted",
    "on_site_reserved",
    "on_site_return_wanted",
    "release_guard",
]
