"""What can be wrong with a subscription."""

from press_app.errors import Conflict, NotFound


class SubscriptionUnknown(NotFound):
    """No such subscription."""

    code = "subscription_unknown"


class NotEntitled(Conflict):
    """No active subscription of the team has room for this."""

    code = "not_entitled"


class GuardNotTripped(Conflict):
    """Nothing waits for an operator's word."""

    code = "guard_not_tripped"
