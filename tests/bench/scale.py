"""The scale figures: one control plane for each number of sites, and how each figure grows from one to the next."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

from scripts.testing.mariadb import run_mariadb
from tests.bench.billing import measure_billing
from tests.bench.figures import Figure, make_figure
from tests.bench.ground import Ground, filled_ground, running_api
from tests.bench.measures import Measure, list_growths, make_measured, name_size
from tests.bench.passes import RECONCILE_SECONDS, measure_passes
from tests.bench.reads import measure_reads
from tests.bench.routes import measure_suspends

SIZES = (1_000, 10_000, 100_000)


def choose_sizes(most: int) -> tuple[int, ...]:
    """The usual sizes up to ``most``, and ``most`` itself."""
    return tuple(sorted({size for size in SIZES if size < most} | {most}))


def measure_scale(
    sizes: Sequence[int], *, note: Callable[[str], None], is_on_mariadb: bool = False
) -> Iterator[Figure]:
    """All figures of each size as they come, then how each grows; on SQLite, or on a MariaDB of its own."""
    measured: dict[int, list[Measure]] = {}
    for size in sizes:
        note(f"Filling a control plane with {size} sites.")
        measured[size] = []
        with (
            tempfile.TemporaryDirectory(prefix="press-scale-") as name,
            choosing_database(Path(name), is_on_mariadb=is_on_mariadb) as url,
            filled_ground(Path(name), size, url) as ground,
        ):
            for measure in measure_ground(ground):
                measured[size].append(measure)
                yield make_measured(measure, size)
        yield add_reconciles(measured[size], size)
    yield from list_growths(measured)


@contextmanager
def choosing_database(folder: Path, *, is_on_mariadb: bool) -> Iterator[str]:
    """Where the control plane keeps its rows."""
    if not is_on_mariadb:
        yield f"sqlite:///{folder}/press.db"
        return
    with run_mariadb(folder / "mariadb") as server:
        engine = create_engine(server)
        with engine.begin() as connection:
            connection.execute(text("CREATE DATABASE scale CHARACTER SET utf8mb4"))
        engine.dispose()
        yield f"{server}/scale"


def measure_ground(ground: Ground) -> Iterator[Measure]:
    """Passes first: the readings change nothing, the suspends do."""
    yield from measure_passes(ground)
    with running_api(ground) as url:
        yield from measure_reads(ground, url)
        yield measure_billing(ground, url)
        yield from measure_suspends(ground, url)


def add_reconciles(measures: Sequence[Measure], size: int) -> Figure:
    """Control plane against hosts, and bridge against Lago, one after the other."""
    seconds = sum(
        each.samples[0] for each in measures if each.name in {"reconcile_control_plane", "reconcile_billing"}
    )
    return make_figure(f"reconcile_full_{name_size(size)}", seconds, target=RECONCILE_SECONDS)
