"""A bench keeps as many sites loaded as it may, and no more."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from agent.engines.door.control import BenchControl
from agent.engines.probe import SiteDoor
from agent.engines.tryton import commands, database
from agent.engines.tryton.host_releases import HostReleases
from agent.engines.tryton.layout import TrytonFolder
from agent.engines.tryton.probe import TrytonProbe
from agent.host import files
from tests.agent.engines.tryton.deployed import OWNER, Deployed, make_site
from tests.agent.support import free_port, running, wait_until

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(600)]
PROBE = TrytonProbe()
SITES = 4


class Narrow:
    """A bench of its own that may keep two databases."""

    def __init__(self, folder: TrytonFolder, port: int) -> None:
        self.folder = folder
        self.control = BenchControl(folder.control)
        self.url = f"http://127.0.0.1:{port}"

    def door(self, name: str) -> SiteDoor:
        return SiteDoor(
            bench_url=self.url, hostname=f"{name}.localhost", login=OWNER, password="a-password-1"
        )

    def health(self) -> dict[str, Any]:
        health = self.control.find_health()
        assert health is not None
        return health


@pytest.fixture(scope="module")
def narrow(bench: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Narrow]:
    release = HostReleases(bench.settings).get(bench.bench.version)
    folder = TrytonFolder(tmp_path_factory.mktemp("narrow"))
    folder.make()
    for number in range(SITES):
        name = f"site-{number}"
        files.copy_durably(release.templates / "base.sqlite", folder.database(name))
        site = make_site(admin_password="a-password-1")
        database.configure(folder.database(name), site)
        note = {"hostname": f"{name}.localhost", "state": "active", "resumes_as": "active", "reason": ""}
        folder.site(name).write_text(json.dumps(note))
    serving = commands.Serving(
        venv_python=release.python,
        directory=folder.path,
        web_root=release.web_root,
        templates=release.templates,
        port=free_port(),
        control_port=0,
        is_contained=False,
        memory_mb=700,
        max_databases=2,
        num_proxies=1,
    )
    log = folder.path / "log"
    with running(commands.serve(serving), log, env=dict(release.environment)):
        made = Narrow(folder, serving.port)
        wait_until(lambda: (made.control.find_health() or {}).get("ready"), 60, "the bench did not start")
        yield made


class TestLeastRecentlyUsed:
    def test_goes_first_and_comes_back_when_asked_for(self, narrow: Narrow) -> None:
        for number in range(SITES):
            PROBE.write_record(narrow.door(f"site-{number}"), f"Party {number}")
        health = narrow.health()
        assert health["loaded"] == ["site-2", "site-3"]
        assert health["evictions"] == SITES - 2
        for number in range(SITES):
            assert f"Party {number}" in PROBE.list_records(narrow.door(f"site-{number}"))

    def test_unloading_forgets_what_was_read_from_the_old_data(self, narrow: Narrow) -> None:
        door = narrow.door("site-0")
        assert PROBE.can_log_in(door)
        with database.opened(narrow.folder.database("site-0")) as connection:
            connection.execute("UPDATE ir_module SET state = 'not activated' WHERE name = 'dashboard'")
        narrow.control.unload("site-0")
        loads = narrow.health()["loads"]
        assert PROBE.can_log_in(door)
        assert narrow.health()["loads"] == loads + 1

    def test_a_site_without_its_database_harms_no_other(self, narrow: Narrow) -> None:
        narrow.folder.site("site-9").write_text(
            json.dumps({"hostname": "site-9.localhost", "state": "active"})
        )
        narrow.control.reload("site-9")
        narrow.control.load("site-9")
        assert not PROBE.can_log_in(narrow.door("site-9"))
        assert PROBE.can_log_in(narrow.door("site-1"))
        assert not narrow.folder.database("site-9").exists()
