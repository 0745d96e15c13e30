"""What can go wrong with plans."""

from press_app.errors import Invalid, NotFound


class PlanUnknown(Invalid):
    """A request names a plan that does not exist."""

    code = "plan_unknown"


class PlanNotFound(NotFound):
    """The address names a plan that does not exist."""

    code = "plan_unknown"


class AppUnknown(Invalid):
    """No product app has this name."""

    code = "app_unknown"
