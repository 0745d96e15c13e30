"""Real workers and a real API killed with -9 at every step: the work converges by itself."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.agent.harness import RunningAgent, running_agent
from tests.agent.support import free_port, running, wait_until

CREATE = [
    "ensure_site_cloned.before",
    "ensure_site_cloned.after",
    "ensure_site_configured.before",
    "ensure_site_configured.after",
    "ensure_site_serving.before",
    "ensure_site_serving.after",
    "probe_site.before",
]
ARCHIVE = [
    "ensure_site_suspended.before",
    "ensure_site_suspended.after",
    "write_backup.before",
    "write_backup.after",
    "ensure_site_dropped.before",
    "ensure_site_dropped.after",
]
CHANGE_APPS = ["write_backup.after", "ensure_apps.halfway", "ensure_site_serving.after"]
MOVE = ["ensure_restored.after", "ensure_site_serving.after", "ensure_site_dropped.halfway"]
COPY = ["ensure_restored.after", "ensure_site_muted.after"]
"""Some of the moments; all of them are passed through in ``operations``, by workers that are ended more gently."""


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory, redis_server: str) -> Iterator[RunningAgent]:
    with running_agent(tmp_path_factory.mktemp("kills"), redis_server.removesuffix("0") + "1") as agent:
        worker = agent.start_worker()
        assert agent.deploy()["status"] == "succeeded"
        worker.terminate()
        worker.wait(20)
        yield agent


@pytest.fixture(scope="module")
def other_bench(agent: RunningAgent) -> str:
    """The id of a second bench of the same host."""
    bench_id = str(uuid.uuid4())
    worker = agent.start_worker()
    assert agent.deploy(bench_id)["status"] == "succeeded"
    worker.terminate()
    worker.wait(20)
    return bench_id


def make_site(agent: RunningAgent) -> str:
    site_id = str(uuid.uuid4())
    worker = agent.start_worker()
    assert (
        agent.plane.do("create_site", f"site:{site_id}", agent.create_params(site_id))["status"]
        == "succeeded"
    )
    agent.ask_site(site_id, method="POST", text="Ada").raise_for_status()
    worker.terminate()
    worker.wait(20)
    return site_id


def kill_worker_at(
    agent: RunningAgent, moment: str, operation: str, site_id: str, params: dict[str, object]
) -> str:
    """Send a job, kill its worker with -9 when it has come to the moment. Returns the job's id."""
    trouble = agent.trouble(moment)
    trouble.write_text("hang")
    worker = agent.start_worker()
    answer = agent.plane.put(operation, f"site:{site_id}", params)
    assert answer.status_code == 202, answer.text
    reached = trouble.with_suffix(".reached")
    wait_until(reached.exists, what=f"{moment} was not reached: {agent.read_log()[-2000:]}")
    worker.kill()
    worker.wait(5)
    reached.unlink()
    trouble.unlink()
    job_id: str = answer.json()["id"]
    assert agent.plane.job(job_id)["status"] == "running"
    return job_id


def finish(agent: RunningAgent, job_id: str) -> dict[str, Any]:
    """Let another worker take the job up. Returns it when it has succeeded."""
    worker = agent.start_worker()
    job = agent.plane.wait_for(job_id)
    worker.terminate()
    worker.wait(20)
    assert job["status"] == "succeeded", job
    return job


class TestKilledWorker:
    @pytest.mark.parametrize("moment", CREATE)
    def test_create_converges(self, agent: RunningAgent, moment: str) -> None:
        site_id = str(uuid.uuid4())
        job_id = kill_worker_at(agent, moment, "create_site", site_id, agent.create_params(site_id))
        worker = agent.start_worker()
        job = agent.plane.wait_for(job_id)
        worker.terminate()
        worker.wait(20)
        assert job["status"] == "succeeded", job
        assert agent.ask_site(site_id).json() == []

    @pytest.mark.parametrize("moment", ARCHIVE)
    def test_archive_converges(self, agent: RunningAgent, moment: str) -> None:
        site_id = make_site(agent)
        params = agent.site_params(site_id, backup_id=str(uuid.uuid4()))
        job_id = kill_worker_at(agent, moment, "archive_site", site_id, params)
        worker = agent.start_worker()
        job = agent.plane.wait_for(job_id)
        assert job["status"] == "succeeded", job
        assert agent.ask_site(site_id).status_code == 404
        restore = agent.site_params(site_id, hostname=f"{site_id}.localhost", backup=job["result"]["backup"])
        assert agent.plane.do("restore_site", f"site:{site_id}", restore)["status"] == "succeeded"
        assert agent.ask_site(site_id).json() == ["Ada"]
        worker.terminate()
        worker.wait(20)

    @pytest.mark.parametrize("moment", CHANGE_APPS)
    def test_change_of_apps_converges(self, agent: RunningAgent, moment: str) -> None:
        site_id = make_site(agent)
        params = agent.site_params(site_id, apps=["base", "crm"], backup_id=str(uuid.uuid4()))
        job = finish(agent, kill_worker_at(agent, moment, "change_apps", site_id, params))
        assert job["result"]["apps"] == ["base", "crm"]
        assert agent.ask_site(site_id).json() == ["Ada"]
        assert agent.ask_site(site_id, "/home").json()["apps"] == ["base", "crm"]

    @pytest.mark.parametrize("moment", MOVE)
    def test_move_converges(self, agent: RunningAgent, other_bench: str, moment: str) -> None:
        site_id = make_site(agent)
        there = {"to_bench_id": other_bench, "hostname": f"{site_id}.localhost", "config": {"max_records": 9}}
        params = agent.site_params(site_id, backup_id=str(uuid.uuid4()), **there)
        finish(agent, kill_worker_at(agent, moment, "move_site", site_id, params))
        assert agent.ask_site(site_id, bench_id=other_bench).json() == ["Ada"]
        assert agent.ask_site(site_id).status_code == 404
        state = agent.plane.get("/v1/state", "state.read").json()
        assert [site["bench_id"] for site in state["sites"] if site["id"] == site_id] == [other_bench]

    @pytest.mark.parametrize("moment", COPY)
    def test_copy_converges(self, agent: RunningAgent, moment: str) -> None:
        origin, site_id = make_site(agent), str(uuid.uuid4())
        worker = agent.start_worker()
        params = agent.site_params(origin, backup_id=str(uuid.uuid4()))
        backup = agent.plane.do("take_backup", f"site:{origin}", params)["result"]["backup"]
        worker.terminate()
        worker.wait(20)
        copied = {"hostname": f"{site_id}.localhost", "backup": backup, "copied_from": origin, "muted": True}
        job_id = kill_worker_at(agent, moment, "restore_site", site_id, agent.site_params(site_id, **copied))
        finish(agent, job_id)
        assert agent.ask_site(site_id).json() == ["Ada"]
        assert agent.ask_site(site_id, "/mail", "POST", "!").status_code == 403
        assert agent.ask_site(origin, "/mail", "POST", "!").ok


class TestKilledApi:
    def test_what_ended_meanwhile_is_told_afterwards(self, tmp_path: Path, redis_url: str) -> None:
        with running_agent(tmp_path, redis_url, start_api=False) as agent:
            api = agent.start_api()
            agent.start_worker()
            agent.deploy()
            site_id = str(uuid.uuid4())
            trouble = agent.trouble("ensure_site_configured.before")
            trouble.write_text("hang")
            job_id = agent.plane.put("create_site", f"site:{site_id}", agent.create_params(site_id)).json()[
                "id"
            ]
            wait_until(trouble.with_suffix(".reached").exists)
            api.kill()
            api.wait(5)
            trouble.unlink()
            agent.start_api()
            assert agent.plane.wait_for(job_id)["status"] == "succeeded"

    def test_a_flushed_redis_loses_nothing(self, tmp_path: Path, redis_url: str) -> None:
        with running_agent(tmp_path, redis_url) as agent:
            ids = []
            for _ in range(5):
                site_id = str(uuid.uuid4())
                answer = agent.plane.put("drop_site", f"site:{site_id}", agent.site_params(site_id))
                assert answer.status_code == 202
                ids.append(answer.json()["id"])
            agent.flush_redis()
            agent.start_worker()
            for job_id in ids:
                assert agent.plane.wait_for(job_id)["error"]["code"] == "bench_unknown"


class TestKilledRedis:
    def test_work_goes_on_when_it_is_back(self, tmp_path: Path) -> None:
        port = free_port()
        argv = (
            "redis-server",
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(tmp_path),
        )
        with ExitStack() as stack:
            first = stack.enter_context(running(argv, tmp_path / "redis.log"))
            agent = stack.enter_context(running_agent(tmp_path, f"redis://127.0.0.1:{port}/0"))
            worker = agent.start_worker()
            assert agent.deploy()["status"] == "succeeded"
            first.kill()
            first.wait(5)
            site_id = str(uuid.uuid4())
            answer = agent.plane.put("create_site", f"site:{site_id}", agent.create_params(site_id))
            assert answer.status_code == 202
            second = stack.enter_context(running(argv, tmp_path / "redis.log"))
            assert agent.plane.wait_for(answer.json()["id"])["status"] == "succeeded"
            second.kill()
            second.wait(5)
            worker.terminate()
            assert worker.wait(40) is not None
