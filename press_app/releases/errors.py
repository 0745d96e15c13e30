"""What can be wrong with a release."""

from press_app.errors import Conflict, NotFound


class ReleaseUnknown(NotFound):
    """No such release."""

    code = "release_unknown"


class ReleaseNameTaken(Conflict):
    """A release never changes, so its name is used once."""

    code = "release_name_taken"
