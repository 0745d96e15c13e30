"""Suspend as a visitor sees it, with all hosts in a real Traefik: from the committed hold to the first 402."""

import time
from collections.abc import Iterator

import requests
from sqlalchemy import select

from press_app.sites.lifecycle import SiteStatus
from press_app.sites.model import Site
from press_app.sites.tasks import publish_routes
from tests.bench.ground import Ground, running_edge, running_program
from tests.bench.measures import LINEAR, Measure
from tests.bench.passes import make_edge
from tests.factories.access import bearer
from tests.factories.processes import wait_until

TARGET_SECONDS = 1.0
SITES = 20
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.5
LOOK_EVERY_SECONDS = 0.002
SUSPENDED = 402


def measure_suspends(ground: Ground, url: str) -> Iterator[Measure]:
    """An operator's hold over HTTP; the urgent worker is woken, publishes, and Traefik takes the file."""
    publish_routes(ground.runtime.work, make_edge(ground.runtime))
    with ground.runtime.work.read() as session:
        query = select(Site.id, Site.hostname).where(Site.status == SiteStatus.ACTIVE).limit(SITES + 1)
        chosen = [(site_id, hostname or "") for site_id, hostname in session.execute(query)]
    with (
        running_edge(ground) as edge,
        running_program(ground, "worker", "--queue", "urgent"),
        requests.Session() as http,
    ):
        held = find_suspended(ground)
        wait_until(lambda: ask(http, edge, held) == SUSPENDED, seconds=PATIENCE_SECONDS, what="the table")
        samples = [suspend(ground, http, url, edge, *each) for each in chosen]
    # The first one waits for the worker to start and to read the whole table.
    written, seen = zip(*samples[1:], strict=True)
    yield Measure("suspend_to_file", written, grows=LINEAR, things="_routes")
    yield Measure("suspend_to_402", seen, target=TARGET_SECONDS, grows=LINEAR, things="_routes")


def suspend(
    ground: Ground, http: requests.Session, url: str, edge: str, site_id: str, hostname: str
) -> tuple[float, float]:
    """Seconds from the control plane's answer, which comes after the commit, to the new file and to the first 402."""
    file = ground.runtime.settings.edge_dynamic_file
    # Suspends do not come in rows; Traefik takes files at most every 200 ms.
    time.sleep(PAUSE_SECONDS)
    before, written = file.stat().st_ino, 0.0
    body = {"kind": "operator", "message": "Measured."}
    answer = http.put(
        f"{url}/v1/sites/{site_id}/holds", json=body, headers=bearer(ground.model.operator), timeout=30
    )
    answer.raise_for_status()
    start = time.perf_counter()
    until = start + PATIENCE_SECONDS
    while time.perf_counter() < until:
        if not written and file.stat().st_ino != before:
            written = time.perf_counter() - start
        elif written and ask(http, edge, hostname) == SUSPENDED:
            return written, time.perf_counter() - start
        time.sleep(LOOK_EVERY_SECONDS)
    message = f"{hostname} was not suspended within {PATIENCE_SECONDS} s"
    raise AssertionError(message)


def find_suspended(ground: Ground) -> str:
    query = select(Site.hostname).where(Site.status == SiteStatus.SUSPENDED).limit(1)
    with ground.runtime.work.read() as session:
        return session.scalars(query).one() or ""


def ask(http: requests.Session, edge: str, hostname: str) -> int:
    """What the edge answers; benches are not there, so a live site is a bad gateway."""
    try:
        return http.get(edge, headers={"Host": hostname}, timeout=10, allow_redirects=False).status_code
    except requests.RequestException:
        return 0
