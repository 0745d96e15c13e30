"""What can be wrong with a bench."""

from press_app.errors import Conflict, Invalid, NotFound


class BenchUnknown(NotFound):
    """No such bench."""

    code = "bench_unknown"


class NoBench(Invalid):
    """No bench can take the site."""

    code = "no_bench"


class BenchUnfit(Conflict):
    """The site cannot live on this bench."""

    code = "bench_unfit"


class ServerNotEmpty(Conflict):
    """Benches still stand on the server."""

    code = "server_not_empty"


class BenchNotEmpty(Conflict):
    """Sites still stand on it."""

    code = "bench_not_empty"
