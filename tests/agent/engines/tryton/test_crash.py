"""Kills at bad moments: the bench comes back as it was, and the engine's calls ride over it."""

import os
import signal

import pytest

from agent.engines.door.control import BenchControl
from agent.engines.port import SiteState
from agent.engines.tryton.probe import TrytonProbe
from agent.host import processes
from tests.agent.engines.tryton.deployed import OWNER, Deployed
from tests.agent.support import wait_until

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(600)]
PROBE = TrytonProbe()


def find_worker(bench: Deployed) -> int | None:
    health = BenchControl(bench.folder.control).find_health()
    return int(health["pid"]) if health is not None and health["ready"] else None


def find_parent(pid: int) -> int:
    return int((processes.PROC / str(pid) / "stat").read_text("ascii").rsplit(")", 1)[1].split()[1])


class TestKilledBench:
    @pytest.mark.parametrize("victim", ["worker", "master"])
    def test_comes_back_with_its_sites_and_their_state(self, bench: Deployed, victim: str) -> None:
        open_site, closed_site = bench.create(), bench.create()
        PROBE.write_record(bench.door(open_site), "Kept")
        bench.engine.ensure_site_suspended(closed_site.bench_id, closed_site.site_id, "unpaid")
        path = bench.engine.ensure_login_token(open_site.bench_id, open_site.site_id, OWNER, "token", 60)
        worker = find_worker(bench)
        assert worker is not None
        os.kill(worker if victim == "worker" else find_parent(worker), signal.SIGKILL)
        wait_until(lambda: find_worker(bench) not in {None, worker}, 40, "the bench did not come back")
        assert "Kept" in PROBE.list_records(bench.door(open_site))
        assert PROBE.can_use_token(bench.door(open_site), path, "token")
        assert not PROBE.can_log_in(bench.door(closed_site))
        found = bench.engine.find_site(closed_site.bench_id, closed_site.site_id)
        assert found is not None
        assert found.state is SiteState.SUSPENDED

    def test_is_waited_for_by_a_step_that_needs_it(self, bench: Deployed) -> None:
        site = bench.create()
        worker = find_worker(bench)
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        bench.engine.ensure_site_suspended(site.bench_id, site.site_id, "unpaid")
        bench.engine.ensure_site_resumed(site.bench_id, site.site_id)
        assert PROBE.can_log_in(bench.door(site))
