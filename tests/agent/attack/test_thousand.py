"""A thousand jobs at once, at a real agent: taken on or refused by the contract, none lost, none run twice."""

import json
import sqlite3
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.agent.harness import RunningAgent
from tests.agent.support import wait_until

MANY = 1000
AT_ONCE = 32
GROWTH_MIB = 60
"""What the agent's API may grow by while it takes on a thousand jobs; a leak of whole requests would be more."""

pytestmark = pytest.mark.timeout(300)


def at_once(calls: Sequence[Callable[[], requests.Response]]) -> Counter[int]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(answer.status_code for answer in pool.map(lambda call: call(), calls))


def read_ledger(agent: RunningAgent, query: str) -> list[tuple[Any, ...]]:
    (path,) = agent.settings.data_dir.glob("ledger.sqlite")
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        return connection.execute(query).fetchall()


def read_memory_mib(agent: RunningAgent) -> float:
    """Resident memory of the process that listens on the agent's port."""
    pid = next(pid for pid in Path("/proc").iterdir() if is_api(pid, agent))
    lines = (pid / "status").read_text("utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def is_api(process: Path, agent: RunningAgent) -> bool:
    try:
        argv = (process / "cmdline").read_bytes().split(b"\0")
        environment = (process / "environ").read_bytes()
    except OSError:
        return False
    return (
        argv[-3:-1] == [b"run", b"api"]
        and f"PRESS_AGENT_PORT={agent.settings.port}\0".encode() in environment
    )


def assert_each_ran_once(agent: RunningAgent, job_ids: Sequence[str]) -> None:
    """One row, one beginning and one end for each, and the control plane has heard of all."""
    rows = dict(read_ledger(agent, "SELECT id, status FROM jobs"))
    events = Counter(read_ledger(agent, "SELECT job_id, kind FROM events"))
    for job_id in job_ids:
        assert rows[job_id] == "succeeded"
        assert events[job_id, "job.queued"] == events[job_id, "job.finished"] == 1
        heard = agent.plane.heard(job_id)
        assert heard is not None
        assert heard["status"] == "succeeded"
    assert read_ledger(agent, "PRAGMA integrity_check") == [("ok",)]


def test_a_thousand_on_as_many_sites(agent: RunningAgent, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = {str(uuid.uuid4()): str(uuid.uuid4()) for _ in range(MANY)}
    before = read_memory_mib(agent)

    def make(job_id: str, site_id: str) -> Callable[[], requests.Response]:
        params = agent.site_params(site_id)
        return lambda: agent.plane.put("drop_site", f"site:{site_id}", params, job_id=job_id, seconds=600)

    codes = at_once([make(*job) for job in jobs.items()])
    assert codes == {202: MANY}
    wait_until(lambda: agent.plane.get("/v1/state", "state.read").json()["open_jobs"] == [], seconds=200)
    for job_id in jobs:
        agent.plane.wait_for(job_id, 60)
    assert_each_ran_once(agent, list(jobs))
    grown = read_memory_mib(agent) - before
    with capsys.disabled():
        sys.stdout.write(f"\n{MANY} jobs at once: none lost, none twice; the API grew by {grown:.0f} MiB")
    assert grown < GROWTH_MIB


def test_the_same_job_a_thousand_times(agent: RunningAgent) -> None:
    job_id, site_id = str(uuid.uuid4()), str(uuid.uuid4())
    params = agent.site_params(site_id)

    def put() -> requests.Response:
        return agent.plane.put("drop_site", f"site:{site_id}", params, job_id=job_id, seconds=600)

    assert at_once([put] * MANY) == {202: 1, 200: MANY - 1}
    agent.plane.wait_for(job_id, 60)
    assert_each_ran_once(agent, [job_id])


def test_the_same_id_with_a_thousand_payloads(agent: RunningAgent) -> None:
    job_id = str(uuid.uuid4())
    site_ids = [str(uuid.uuid4()) for _ in range(MANY)]

    def make(site_id: str) -> Callable[[], requests.Response]:
        params = agent.site_params(site_id)
        return lambda: agent.plane.put("drop_site", f"site:{site_id}", params, job_id=job_id, seconds=600)

    assert at_once([make(site_id) for site_id in site_ids]) == {202: 1, 409: MANY - 1}
    agent.plane.wait_for(job_id, 60)
    assert_each_ran_once(agent, [job_id])


def test_a_thousand_on_one_site(agent: RunningAgent) -> None:
    """One at a time: who comes in between is told who holds it, and nothing of his is written down."""
    site_id = str(uuid.uuid4())
    job_ids = [str(uuid.uuid4()) for _ in range(MANY)]
    taken: list[str] = []

    def make(job_id: str) -> Callable[[], requests.Response]:
        def put() -> requests.Response:
            params = agent.site_params(site_id)
            answer = agent.plane.put("drop_site", f"site:{site_id}", params, job_id=job_id, seconds=600)
            if answer.status_code == 202:
                taken.append(job_id)
            else:
                assert json.loads(answer.text)["holder"] in job_ids
            return answer

        return put

    codes = at_once([make(job_id) for job_id in job_ids])
    assert set(codes) == {202, 423}
    assert codes.total() == MANY
    for job_id in taken:
        agent.plane.wait_for(job_id, 60)
    assert_each_ran_once(agent, taken)
    known = {str(job_id) for (job_id,) in read_ledger(agent, "SELECT id FROM jobs")}
    assert known & set(job_ids) == set(taken)
