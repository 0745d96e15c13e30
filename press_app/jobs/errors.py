"""What can be wrong with a job."""

from press_app.errors import Forbidden, NotFound


class JobUnknown(NotFound):
    """No such job."""

    code = "job_unknown"


class SecretRefused(Forbidden):
    """The job may not have this secret."""

    code = "secret_refused"
