"""The contract over HTTP, on a running agent: answers, refusals, results, failures that are taken back."""

import json
import statistics
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
import requests
from joserfc.jwk import OKPKey

from tests.agent.harness import RunningAgent, running_agent
from tests.agent.support import wait_until


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory, redis_server: str) -> Iterator[RunningAgent]:
    with running_agent(tmp_path_factory.mktemp("http"), redis_server.removesuffix("0") + "2") as agent:
        agent.start_worker(0)
        agent.start_worker(1)
        assert agent.deploy()["status"] == "succeeded"
        yield agent


@pytest.fixture
def site_id(agent: RunningAgent) -> str:
    site_id = str(uuid.uuid4())
    assert (
        agent.plane.do("create_site", f"site:{site_id}", agent.create_params(site_id))["status"]
        == "succeeded"
    )
    agent.ask_site(site_id, method="POST", text="Ada").raise_for_status()
    return site_id


@pytest.fixture
def trouble(agent: RunningAgent) -> Iterator[Any]:
    """Make the engine fail at a moment for the test."""
    written = []

    def make(moment: str, kind: str) -> Any:
        path = agent.trouble(moment)
        path.write_text(kind)
        written.append(path)
        return path

    yield make
    for path in written:
        path.unlink(missing_ok=True)


def code_of(answer: requests.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert {"type", "title", "status", "detail", "code", "correlation_id"} <= set(body)
    return answer.status_code, body["code"]


class TestPut:
    def test_new_same_and_other_payload(self, agent: RunningAgent, site_id: str) -> None:
        job_id, params = str(uuid.uuid4()), agent.site_params(site_id)
        first = agent.plane.put("measure_usage", f"site:{site_id}", params, job_id=job_id)
        again = agent.plane.put("measure_usage", f"site:{site_id}", params, job_id=job_id, seconds=99)
        assert (first.status_code, again.status_code) == (202, 200)
        other = agent.plane.put("drop_site", f"site:{site_id}", params, job_id=job_id)
        assert code_of(other) == (409, "job_conflict")
        job = agent.plane.wait_for(job_id)
        assert job["result"]["users"] == 1

    def test_busy_names_the_holder(self, agent: RunningAgent, site_id: str, trouble: Any) -> None:
        hanging = trouble("write_backup.before", "hang")
        params = agent.site_params(site_id, backup_id=str(uuid.uuid4()))
        holder = agent.plane.put("take_backup", f"site:{site_id}", params).json()["id"]
        answer = agent.plane.put("measure_usage", f"site:{site_id}", agent.site_params(site_id))
        assert code_of(answer) == (423, "target_busy")
        assert (answer.json()["holder"], answer.json()["purpose"]) == (holder, "back up the site")
        hanging.unlink()
        assert agent.plane.wait_for(holder)["status"] == "succeeded"

    def test_unknown_operation(self, agent: RunningAgent, site_id: str) -> None:
        answer = agent.plane.put("run_shell", f"site:{site_id}", agent.site_params(site_id))
        assert code_of(answer) == (404, "operation_unknown")

    @pytest.mark.parametrize(
        "change",
        [
            {"more": 1},
            {"bench_id": "../../etc"},
            {"site_id": str(uuid.uuid4())},
            {"hostname": "../x.localhost"},
            {"hostname": "A.localhost"},
            {"hostname": "a b.localhost"},
            {"hostname": "a.localhost\n"},
            {"hostname": "localhost"},
            {"hostname": "-a.localhost"},
            {"apps": []},
            {"apps": ["base", "../x"]},
            {"admin": {"login": "o", "email": "o@x.example", "password": "plain text"}},
            {"admin": {"login": "o;x", "email": "o@x.example", "password": "secret://a"}},
            {"company": {"name": "a\nb"}},
        ],
    )
    def test_invalid_params_are_named_and_not_repeated(
        self, agent: RunningAgent, change: dict[str, Any]
    ) -> None:
        site_id = str(uuid.uuid4())
        answer = agent.plane.put("create_site", f"site:{site_id}", agent.create_params(site_id) | change)
        assert code_of(answer) == (422, "params_invalid")
        assert answer.json()["errors"]
        assert "plain text" not in answer.text

    def test_a_target_of_another_kind(self, agent: RunningAgent, site_id: str) -> None:
        answer = agent.plane.put("drop_site", f"bench:{site_id}", agent.site_params(site_id))
        assert code_of(answer) == (422, "params_invalid")

    def test_too_much(self, agent: RunningAgent, site_id: str) -> None:
        params = agent.site_params(site_id, reason="x" * 300_000)
        assert agent.plane.put("suspend_site", f"site:{site_id}", params).status_code == 413

    def test_two_hundred_at_once_twice_each(self, agent: RunningAgent) -> None:
        jobs = [(str(uuid.uuid4()), str(uuid.uuid4())) for _ in range(200)]

        def put(job: tuple[str, str]) -> int:
            params = agent.site_params(job[1])
            return agent.plane.put(
                "drop_site", f"site:{job[1]}", params, job_id=job[0], seconds=300
            ).status_code

        with ThreadPoolExecutor(16) as pool:
            codes = list(pool.map(put, [*jobs, *jobs]))
        assert sorted(codes) == [200] * 200 + [202] * 200
        for job_id, _ in jobs:
            assert agent.plane.wait_for(job_id, 100)["status"] == "succeeded"

    def test_the_end_is_pushed_and_not_polled(self, agent: RunningAgent, site_id: str) -> None:
        delays = []
        for _ in range(5):
            before = len(agent.plane.received)
            job = agent.plane.do("measure_usage", f"site:{site_id}", agent.site_params(site_id))
            ended = datetime.fromisoformat(job["finished_at"]).timestamp()
            last = max(seq for seq, event in agent.plane.events.items() if event["job_id"] == job["id"])
            delays += [at - ended for at, seqs in agent.plane.received[before:] if last in seqs]
        assert statistics.median(delays) < 0.5


class TestCredentials:
    def ask(self, agent: RunningAgent, headers: dict[str, str]) -> tuple[int, str]:
        return code_of(requests.get(f"{agent.plane.agent_url}/v1/state", headers=headers, timeout=10))

    def test_refused_and_counted(self, agent: RunningAgent) -> None:
        assert self.ask(agent, {}) == (401, "credential_missing")
        assert self.ask(agent, {"Authorization": "Bearer a.b.c"}) == (401, "credential_invalid")
        metrics = requests.get(f"{agent.plane.agent_url}/metrics", timeout=10).text
        assert 'press_agent_credentials_refused_total{code="credential_missing"} 1.0' in metrics
        assert 'press_agent_jobs{status="succeeded"}' in metrics

    def test_for_another_operation(self, agent: RunningAgent) -> None:
        assert code_of(agent.plane.get("/v1/state", "jobs.read")) == (401, "credential_wrong_operation")

    def test_by_another_control_plane(self, agent: RunningAgent) -> None:
        mine, agent.plane.key = agent.plane.key, OKPKey.generate_key("Ed25519")
        try:
            assert code_of(agent.plane.get("/v1/state", "state.read")) == (401, "credential_invalid")
        finally:
            agent.plane.key = mine

    def test_a_replay(self, agent: RunningAgent) -> None:
        answer = agent.plane.get("/v1/state", "state.read")
        used = answer.request.headers["Authorization"]
        assert self.ask(agent, {"Authorization": str(used)}) == (401, "credential_replayed")


class TestReads:
    def test_events_by_cursor(self, agent: RunningAgent, site_id: str) -> None:
        page = agent.plane.get("/v1/events?after=0&limit=3", "events.read").json()
        assert [event["seq"] for event in page["events"]] == [1, 2, 3]
        assert page["next"] == 3
        assert page["events"][0]["kind"] == "job.queued"

    def test_unknown_job(self, agent: RunningAgent) -> None:
        answer = agent.plane.get(f"/v1/jobs/{uuid.uuid4()}", "jobs.read")
        assert code_of(answer) == (404, "job_unknown")

    def test_state(self, agent: RunningAgent, site_id: str) -> None:
        state = agent.plane.get("/v1/state", "state.read").json()
        (bench,) = state["benches"]
        assert (bench["id"], bench["engine"], bench["status"]) == (agent.bench_id, "fake", "running")
        (site,) = [site for site in state["sites"] if site["id"] == site_id]
        assert (site["state"], site["hostname"], site["bench_id"]) == (
            "active",
            f"{site_id}.localhost",
            agent.bench_id,
        )

    def test_a_bench_says_what_it_printed(self, agent: RunningAgent) -> None:
        (log,) = (agent.settings.data_dir / "executor" / "logs").glob(f"*{agent.bench_id}.log")
        with log.open("a") as printed:
            printed.write("early\n" + "x" * (64 << 10) + "\nit serves\n")
        said = agent.plane.get(f"/v1/benches/{agent.bench_id}/log", "benches.read").json()
        assert said["bench_id"] == agent.bench_id
        assert said["text"].endswith("x\nit serves\n")
        assert "early" not in said["text"]

    def test_a_bench_says_what_it_takes(self, agent: RunningAgent) -> None:
        said = agent.plane.get(f"/v1/benches/{agent.bench_id}/stats", "benches.read").json()
        assert (said["bench_id"], said["status"]) == (agent.bench_id, "running")
        assert 0 < said["memory_bytes"] < said["memory_limit_bytes"]
        assert said["processes"] >= 1
        nobody = "00000000-0000-4000-8000-00000000ffff"
        answer = agent.plane.get(f"/v1/benches/{nobody}/stats", "benches.read")
        assert code_of(answer) == (404, "bench_unknown")

    def test_the_log_of_a_bench_needs_its_own_credential(self, agent: RunningAgent) -> None:
        answer = agent.plane.get(f"/v1/benches/{agent.bench_id}/log", "state.read")
        assert code_of(answer) == (401, "credential_wrong_operation")

    @pytest.mark.parametrize("name", ["00000000-0000-4000-8000-00000000ffff", "..%2f..%2fetc", "A b"])
    def test_there_is_no_log_of_an_unknown_bench(self, agent: RunningAgent, name: str) -> None:
        answer = agent.plane.get(f"/v1/benches/{name}/log", "benches.read")
        assert answer.status_code in {404, 422}, answer.text

    def test_ready_names_every_dependency(self, agent: RunningAgent) -> None:
        answer = requests.get(f"{agent.plane.agent_url}/ready", timeout=10)
        names = ("ledger", "redis", "disk", "executor", "reporter", "workers", "store", "enrolment")
        assert (answer.status_code, answer.json()["checks"]) == (200, dict.fromkeys(names, "ok"))

    def test_openapi_documents_the_refusals(self, agent: RunningAgent) -> None:
        paths = requests.get(f"{agent.plane.agent_url}/openapi.json", timeout=10).json()["paths"]
        answers = paths["/v1/jobs/{job_id}"]["put"]["responses"]
        assert set(answers) == {"200", "202", "400", "401", "404", "409", "413", "422", "423", "503"}
        assert "application/problem+json" in answers["423"]["content"]


class TestTakenBack:
    def test_a_failed_create_leaves_nothing(self, agent: RunningAgent, trouble: Any) -> None:
        trouble("ensure_site_serving.after", "fail")
        site_id = str(uuid.uuid4())
        job = agent.plane.do("create_site", f"site:{site_id}", agent.create_params(site_id))
        assert (job["error"]["code"], job["error"]["compensated"]) == ("fake_trouble", True)
        assert [step["state"] for step in job["steps"]] == [
            "unchanged",
            "unchanged",
            "compensated",
            "done",
            "failed",
            "skipped",
            "skipped",
        ]
        assert agent.ask_site(site_id).status_code == 404
        assert site_id not in agent.plane.get("/v1/state", "state.read").text

    def test_a_full_disk_is_named(self, agent: RunningAgent, trouble: Any) -> None:
        trouble("ensure_site_configured.before", "disk")
        site_id = str(uuid.uuid4())
        job = agent.plane.do("create_site", f"site:{site_id}", agent.create_params(site_id))
        assert (job["error"]["code"], job["error"]["compensated"]) == ("disk_full", True)

    def test_a_failed_create_spares_what_stood_before(
        self, agent: RunningAgent, site_id: str, trouble: Any
    ) -> None:
        trouble("ensure_site_serving.after", "fail")
        job = agent.plane.do("create_site", f"site:{site_id}", agent.create_params(site_id))
        assert job["status"] == "failed"
        assert agent.ask_site(site_id).json() == ["Ada"]

    def test_an_archive_that_cannot_be_backed_up_opens_the_site_again(
        self, agent: RunningAgent, site_id: str, trouble: Any
    ) -> None:
        trouble("write_backup.after", "disk")
        params = agent.site_params(site_id, backup_id=str(uuid.uuid4()))
        job = agent.plane.do("archive_site", f"site:{site_id}", params)
        assert (job["error"]["code"], job["error"]["compensated"]) == ("disk_full", True)
        assert agent.ask_site(site_id).json() == ["Ada"]

    def test_an_archive_that_cannot_drop_waits_closed_and_tries_again(
        self, agent: RunningAgent, site_id: str, trouble: Any
    ) -> None:
        failing = trouble("ensure_site_dropped.before", "fail")
        backup_id = str(uuid.uuid4())
        params = agent.site_params(site_id, backup_id=backup_id)
        answer = agent.plane.put("archive_site", f"site:{site_id}", params)
        wait_until(failing.with_suffix(".reached").exists)
        assert (agent.folder / "backups" / site_id / backup_id).exists()
        assert agent.ask_site(site_id).status_code == 402
        failing.unlink()
        assert agent.plane.wait_for(answer.json()["id"])["status"] == "succeeded"
        assert agent.ask_site(site_id).status_code == 404

    def test_a_failed_restore_brings_the_present_data_back(
        self, agent: RunningAgent, site_id: str, trouble: Any
    ) -> None:
        params = agent.site_params(site_id, backup_id=str(uuid.uuid4()))
        backup = agent.plane.do("take_backup", f"site:{site_id}", params)["result"]["backup"]
        agent.ask_site(site_id, method="POST", text="Later").raise_for_status()
        trouble("ensure_restored.after", "once")
        restore = agent.site_params(site_id, hostname=f"{site_id}.localhost", backup=backup)
        answer = agent.plane.put("restore_site", f"site:{site_id}", restore)
        job = agent.plane.wait_for(answer.json()["id"])
        assert (job["status"], job["error"]["compensated"]) == ("failed", True)
        assert agent.ask_site(site_id).json() == ["Ada", "Later"]

    def test_a_damaged_backup_touches_nothing(self, agent: RunningAgent, site_id: str) -> None:
        params = agent.site_params(site_id, backup_id=str(uuid.uuid4()))
        backup = agent.plane.do("take_backup", f"site:{site_id}", params)["result"]["backup"]
        stored = agent.folder / "backups" / site_id / backup["id"]
        stored.write_bytes(stored.read_bytes() + b" ")
        restore = agent.site_params(site_id, hostname=f"{site_id}.localhost", backup=backup)
        job = agent.plane.do("restore_site", f"site:{site_id}", restore)
        assert (job["error"]["code"], job["error"]["step"]) == ("backup_damaged", "fetch_backup")
        assert agent.ask_site(site_id).json() == ["Ada"]


class TestSecrets:
    def test_no_secret_is_on_disk(self, agent: RunningAgent) -> None:
        site_id = str(uuid.uuid4())
        params = agent.create_params(site_id)
        ref = params["admin"]["password"]
        agent.plane.secrets[ref] = f"very-secret-{site_id}"
        assert agent.plane.do("create_site", f"site:{site_id}", params)["status"] == "succeeded"
        token_ref = f"secret://site/{site_id}/token"
        agent.plane.secrets[token_ref] = f"token-secret-{site_id}"
        link = agent.plane.do(
            "create_login_link",
            f"site:{site_id}",
            agent.site_params(site_id, login="owner", token=token_ref, ttl_seconds=60),
        )
        assert link["result"] == {"path": "/-/login"}
        for path in agent.folder.rglob("*"):
            if path.is_file():
                assert f"secret-{site_id}".encode() not in path.read_bytes(), path

    def test_a_refused_secret_leaves_nothing(self, agent: RunningAgent) -> None:
        site_id = str(uuid.uuid4())
        params = agent.create_params(site_id)
        del agent.plane.secrets[params["admin"]["password"]]
        job = agent.plane.do("create_site", f"site:{site_id}", params)
        assert (job["error"]["code"], job["error"]["compensated"]) == ("secrets_refused", True)


class TestRetireBench:
    def test_refused_while_sites_are_on_it(self, agent: RunningAgent, site_id: str) -> None:
        job = agent.plane.do("retire_bench", f"bench:{agent.bench_id}", {"bench_id": agent.bench_id})
        assert job["error"]["code"] == "bench_not_empty"
        assert agent.ask_site(site_id).ok


def test_a_body_that_is_no_json(agent: RunningAgent) -> None:
    answer = agent.plane.ask("PUT", f"/v1/jobs/{uuid.uuid4()}", "drop_site", b"{")
    assert code_of(answer) == (422, "params_invalid")
    assert json.loads(answer.text)["errors"]
