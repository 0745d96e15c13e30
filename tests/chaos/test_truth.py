"""The truth checker finds nothing on a platform at rest, and finds each promise that is broken."""

import fcntl
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.bringup.state import Paths
from tests.chaos.snapshot import change, copy_again, copy_books
from tests.chaos.truth import PROMISES, list_broken, list_promises
from tests.e2e.platform import Platform
from tests.e2e.tenants import Tenant, Tenants
from tests.factories.processes import wait_until

pytestmark = [pytest.mark.platform, pytest.mark.timeout(240)]

PRESS, BRIDGE, LEDGER = "press/press.db", "bridge/bridge.db", "agent/ledger.sqlite"
PAST, FUTURE = "2020-01-01 00:00:00.000000", "2099-01-01 00:00:00.000000"
CHEAP_SECONDS = 0.3


class Scene:
    """Three customers (one runs, one owes money, one has ended) and a copy of what is written of them."""

    def __init__(self, platform: Platform, tenants: Tenants, folder: Path) -> None:
        self.live = platform
        self.running, self.unpaid, self.ended = (tenants.active() for _ in range(3))
        self.everybody = (self.running, self.unpaid, self.ended)
        self.unpaid.fail_payment()
        self.ended.terminate()
        self.unpaid.wait_for("suspended")
        self.ended.wait_for("archived")
        wait_until(lambda: not self.look_live(), seconds=60, what="a platform at rest")
        sites = {tenant.mark: str(tenant.sites[0]["id"]) for tenant in self.everybody}
        self._sites = sites
        self._first = copy_books(platform, folder / "first", list(sites.values()))
        self._folder = folder
        self._copies = 0
        self.copy_again()

    def copy_again(self) -> None:
        self._copies += 1
        self.copy = copy_again(self._first, self._folder / str(self._copies))

    def look_live(self) -> list[str]:
        return list_broken(self.live, self.everybody)

    def look(self) -> str:
        """What is wrong by the copied books, in one text."""
        return "\n".join(list_broken(self.copy, self.everybody))

    def site_id(self, tenant: Tenant) -> str:
        return self._sites[tenant.mark]

    def bench(self) -> Path:
        return next((self.copy.paths.state / "agent" / "benches" / "tryton").glob("*-*"))

    def stored(self) -> Path:
        return next((self.copy.paths.state / "backups" / self.site_id(self.ended)).iterdir())

    def sql(self, database: str, statement: str, *values: object) -> None:
        change(self.copy, database, statement, *values)


@pytest.fixture
def scene(platform: Platform, tenants: Tenants, tmp_path: Path) -> Scene:
    return Scene(platform, tenants, tmp_path)


def test_a_platform_at_rest_breaks_nothing_and_is_asked_cheaply(scene: Scene) -> None:
    assert scene.look_live() == []
    assert scene.look() == ""
    seconds = []
    for _ in range(10):
        start = time.monotonic()
        scene.look_live()
        seconds.append(time.monotonic() - start)
    assert min(seconds) < CHEAP_SECONDS


def test_what_is_under_way_is_told(platform: Platform, tenants: Tenants) -> None:
    tenant = tenants.new()
    assert list_broken(platform, [tenant]) == []
    tenant.subscribe()
    assert any(tenant.external_id in text for text in list_broken(platform, [tenant]))
    tenant.wait_for("active")
    wait_until(lambda: not list_broken(platform, [tenant]), seconds=60, what="a platform at rest")


def test_every_promise_that_is_broken_in_the_books_is_told(scene: Scene) -> None:
    """Each in a copy of its own."""
    missed = {}
    for spoil, words in SPOILT:
        scene.copy_again()
        spoil(scene)
        told = scene.look()
        if words not in told:
            missed[spoil.__name__] = told
    assert missed == {}


def test_nothing_is_called_right_that_cannot_be_read(scene: Scene) -> None:
    nowhere = replace(scene.live, paths=Paths(scene.copy.paths.state / "nowhere"))
    assert len(list_broken(nowhere, scene.everybody)) == len(PROMISES) == len(list_promises())
    closed = {**scene.live.urls, "lago-sandbox": "http://127.0.0.1:9", "edge": "http://127.0.0.1:9"}
    told = list_broken(replace(scene.live, urls=closed), scene.everybody)
    assert any("It cannot be seen" in text and "exactly one site" in text for text in told)
    assert any(text.startswith("The edge answers 0") for text in told)


def second_site(scene: Scene) -> None:
    """Of the archived site: it gets the running one's subscription."""
    scene.sql(
        PRESS,
        "UPDATE coverage SET is_ended = 0, subscription_id ="
        " (SELECT subscription_id FROM coverage WHERE site_id = ?) WHERE site_id = ?",
        scene.site_id(scene.running),
        scene.site_id(scene.ended),
    )


def lost_hold(scene: Scene) -> None:
    scene.sql(PRESS, "DELETE FROM hold WHERE site_id = ?", scene.site_id(scene.unpaid))


def forgotten_end(scene: Scene) -> None:
    scene.sql(PRESS, "UPDATE subscription SET wanted = 'run' WHERE external_id = ?", scene.ended.external_id)


def other_state(scene: Scene) -> None:
    scene.sql(PRESS, "UPDATE site SET status = 'installing' WHERE id = ?", scene.site_id(scene.running))


def open_door(scene: Scene) -> None:
    """A site that is called archived and answers."""
    scene.sql(PRESS, "UPDATE site SET status = 'archived' WHERE id = ?", scene.site_id(scene.running))


def left_file(scene: Scene) -> None:
    (scene.bench() / "tokens" / scene.site_id(scene.ended)).mkdir()


def torn_database(scene: Scene) -> None:
    path = scene.bench() / "databases" / f"{scene.site_id(scene.unpaid)}.sqlite"
    path.write_bytes(path.read_bytes()[:2000])


def own_finding(scene: Scene) -> None:
    scene.sql(
        PRESS,
        "INSERT INTO finding VALUES ('f', 'host-drift', ?, 'It drifts.', ?, ?, NULL)",
        f"site:{scene.site_id(scene.running)}",
        PAST,
        PAST,
    )


def other_content(scene: Scene) -> None:
    scene.stored().write_bytes(scene.stored().read_bytes()[::-1])


def lost_backup_file(scene: Scene) -> None:
    scene.stored().unlink()


def half_backup(scene: Scene) -> None:
    scene.stored().with_name(".b.killed.part").write_bytes(b"half")


def half_database(scene: Scene) -> None:
    name = f".{scene.site_id(scene.running)}.sqlite.killed.part"
    (scene.bench() / "databases" / name).write_bytes(b"half")


def unverified(scene: Scene) -> None:
    scene.sql(PRESS, "UPDATE backup SET status = 'failed' WHERE site_id = ?", scene.site_id(scene.ended))


def lost_backup_row(scene: Scene) -> None:
    scene.sql(PRESS, "DELETE FROM backup WHERE site_id = ?", scene.site_id(scene.ended))


def held_lease(scene: Scene) -> None:
    subject = f"site:{scene.site_id(scene.running)}"
    scene.sql(PRESS, "INSERT INTO lease VALUES (?, 'j', 'dream', ?, ?)", subject, PAST, FUTURE)


def held_in_bridge(scene: Scene) -> None:
    subject = scene.running.external_id
    scene.sql(BRIDGE, "INSERT INTO leases VALUES (?, 'w', 'listen', ?)", subject, FUTURE)


def open_job(scene: Scene) -> None:
    subject = f"site:{scene.site_id(scene.running)}"
    scene.sql(PRESS, "UPDATE job SET status = 'running' WHERE target = ?", subject)


def unsettled_job(scene: Scene) -> None:
    subject = f"site:{scene.site_id(scene.unpaid)}"
    scene.sql(PRESS, "UPDATE job SET settled_at = NULL WHERE target = ?", subject)


def open_at_agent(scene: Scene) -> None:
    subject = f"site:{scene.site_id(scene.running)}"
    newest = "SELECT id FROM jobs WHERE target = ? ORDER BY created_at DESC LIMIT 1"
    scene.sql(LEDGER, f"UPDATE jobs SET status = 'running' WHERE id = ({newest})", subject)


def put_task(scene: Scene, task_id: str, status: str, **values: object) -> None:
    row = {
        "id": task_id,
        "name": f"test.{task_id}",
        "args": json.dumps({}),
        "queue": "default",
        "status": status,
        "attempts": 1,
        "run_at": PAST,
        "planned_at": PAST,
        "correlation_id": "c",
        "created_at": PAST,
        **values,
    }
    marks = ", ".join("?" for _ in row)
    scene.sql(PRESS, f"INSERT INTO task ({', '.join(row)}) VALUES ({marks})", *row.values())


def dead_task(scene: Scene) -> None:
    put_task(scene, "dead", "dead", error="It broke.")


def overdue_task(scene: Scene) -> None:
    put_task(scene, "late", "waiting")


def abandoned_task(scene: Scene) -> None:
    put_task(scene, "alone", "running", lease_until=PAST)


def dead_event(scene: Scene) -> None:
    scene.sql(BRIDGE, "UPDATE inbox SET status = 'dead' WHERE id = (SELECT max(id) FROM inbox)")


def unheard_news(scene: Scene) -> None:
    scene.sql(LEDGER, "UPDATE meta SET value = '1' WHERE name = 'acknowledged'")


SPOILT: list[tuple[Callable[[Scene], Any], str]] = [
    (second_site, "should have one site and has"),
    (lost_hold, "has no billing hold, and Lago says 'hold'"),
    (forgotten_end, "Lago says 'end' of"),
    (other_state, "is installing and should be active"),
    (open_door, "The edge answers 200 for"),
    (left_file, "is archived, and the host still has"),
    (torn_database, "It cannot be seen whether this holds: The database of each site"),
    (own_finding, "The platform says by itself (host-drift"),
    (other_content, "has other content than was verified"),
    (lost_backup_file, "is gone"),
    (half_backup, "lies in"),
    (half_database, "lies in databases"),
    (unverified, "is archived without a verified backup"),
    (lost_backup_row, "its row is gone or empty"),
    (held_lease, "A lease on site:"),
    (held_in_bridge, "The bridge holds a lease on"),
    (open_job, "is running."),
    (unsettled_job, "is succeeded and not settled"),
    (open_at_agent, "The agent has an open create_site on"),
    (dead_task, "Task test.dead {} is dead: It broke."),
    (overdue_task, "Task test.late {} is overdue"),
    (abandoned_task, "Task test.alone {} is held by a worker that is gone"),
    (dead_event, "inbox is dead after"),
    (unheard_news, "The control plane has not acknowledged"),
]


def test_a_lock_that_somebody_holds_is_told(scene: Scene) -> None:
    path = scene.copy.paths.state / "agent" / "locks" / f"site-{scene.site_id(scene.running)}.lock"
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert f"A program holds the lock {path.name}" in scene.look()
    assert scene.look() == ""
