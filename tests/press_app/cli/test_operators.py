"""Servers, releases, benches and jobs from the command line."""

import io
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from press_app.cli.releases import USUAL
from tests.press_app.cli.conftest import ROOT, Press
from tests.press_app.driver import Driver


def agent_command(data_dir: Path) -> str:
    """The real agent's enrolment, with a folder of its own."""
    words = ("env", f"PRESS_AGENT_DATA_DIR={data_dir}", f"PYTHONPATH={ROOT}", sys.executable)
    return shlex.join((*words, "-m", "agent.cli", "enroll"))


class TestServer:
    def test_the_local_host_is_enrolled_with_its_real_agent_once(self, press: Press, tmp_path: Path) -> None:
        arguments = ("server", "add", "here", "--local", "--agent-command", agent_command(tmp_path), "--json")
        first = press(*arguments)
        assert first.status == 0, first.err
        assert (first.json["status"], first.json["url"]) == ("active", "http://127.0.0.1:8090")
        assert first.json["engines"] == ["tryton"]
        assert (tmp_path / "enrolment.json").exists()

    def test_an_agent_of_another_control_plane_keeps_it(self, press: Press, tmp_path: Path) -> None:
        press("server", "add", "one", "--local", "--agent-command", agent_command(tmp_path))
        said = press("server", "add", "two", "--local", "--agent-command", agent_command(tmp_path), "--json")
        assert (said.status, said.problem["code"]) == (1, "enrolment_failed")
        assert "obeys the control plane" in said.problem["message"]

    def test_a_remote_host_is_refused_in_a_sentence(self, press: Press) -> None:
        said = press("server", "add", "far", "--json")
        assert (said.status, said.problem["code"]) == (2, "remote_enrolment_missing")
        assert [row["name"] for row in press("server", "list", "--json").json["items"]] != ["far"]

    def test_another_host_is_enrolled_in_two_steps_and_again(
        self, press: Press, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = press("server", "enrolment", "far", "--control-plane-url", "http://10.0.0.1:8080")
        assert asked.json["control_plane_url"] == "http://10.0.0.1:8080"
        for _ in range(2):
            answer = subprocess.run(
                shlex.split(agent_command(tmp_path)),
                input=asked.out,
                capture_output=True,
                text=True,
                check=True,
            )
            monkeypatch.setattr("sys.stdin", io.StringIO(answer.stdout))
            said = press("server", "accept", "far", "--json")
            assert (said.json["status"], said.json["engines"]) == ("active", ["tryton"])
        assert [row["name"] for row in press("server", "list", "--json").json["items"]].count("far") == 1

    def test_an_answer_of_nobody_is_refused(self, press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
        press("server", "enrolment", "far")
        monkeypatch.setattr("sys.stdin", io.StringIO("{}"))
        assert press("server", "accept", "far", "--json").problem["code"] == "enrolment_failed"

    def test_it_is_drained_and_opened_again_by_name(self, press: Press, driver: Driver) -> None:
        name = press("server", "list", "--json").json["items"][0]["name"]
        assert press("server", "drain", name, "--json").json["status"] == "draining"
        assert press("server", "reopen", driver.server_id, "--json").json["status"] == "active"
        assert f"{name} is draining." in press("server", "drain", name).out

    def test_one_that_is_not_there_is_said(self, press: Press) -> None:
        assert press("server", "show", "nowhere", "--json").problem["code"] == "server_unknown"


class TestRelease:
    def test_the_usual_one_is_added_once(self, press: Press) -> None:
        first = press("release", "add", "--engine", "tryton", "--json")
        assert first.json["name"] == f"tryton-{USUAL['tryton'].version}"
        assert press("release", "add", "--engine", "tryton", "--json").json == first.json

    def test_its_version_is_the_one_that_the_image_pins(self) -> None:
        pinned = (ROOT / "images" / "bench-tryton" / "requirements.txt").read_text("utf-8")
        assert f"\ntrytond=={USUAL['tryton'].version} " in f"\n{pinned}"

    def test_an_engine_without_pins_must_be_described(self, press: Press) -> None:
        assert press("release", "add", "--engine", "ours").status == 2
        said = press("release", "add", "--engine", "ours", "--version", "1", "--apps", "base,crm", "--json")
        assert said.json["app_sets"] == [["base", "crm"]]


class TestBench:
    def test_one_that_is_there_is_kept(self, press: Press, driver: Driver) -> None:
        assert press("bench", "deploy", "--json").json["id"] == driver.bench_id

    @pytest.mark.usefixtures("busy_hosts")
    def test_another_is_deployed_and_waited_for(self, press: Press, driver: Driver) -> None:
        said = press("bench", "deploy", "--another", "--wait", "--json")
        assert said.status == 0, said.err
        assert said.json["status"] == "running"
        assert said.json["id"] != driver.bench_id

    def test_a_failed_deployment_is_told_with_its_reason(self, press: Press, driver: Driver) -> None:
        bench = press("bench", "deploy", "--another", "--json").json
        driver.run()
        driver.refuse("deploy_bench", "The index does not answer.")
        said = press("job", "watch", bench["job_id"], "--json")
        assert (said.status, said.problem["code"]) == (1, "step_failed")
        assert (
            "The index does not answer. Everything it had made was removed again." in said.problem["message"]
        )

    def test_no_release_is_said(self, press: Press) -> None:
        assert press("bench", "deploy", "--release", "x", "--json").problem["code"] == "release_unknown"

    def test_what_it_takes_is_read_from_its_host(self, press: Press, driver: Driver) -> None:
        figures = {
            "memory_bytes": 90_000_000,
            "memory_limit_bytes": 2 << 30,
            "processor_seconds": 7.4,
            "processes": 3,
        }
        driver.agents.stats[driver.bench_id] = figures
        assert "3 processes, 7 s of processor time" in press("bench", "stats", driver.bench_id).out
        assert press("bench", "stats", driver.bench_id, "--json").json["memory_bytes"] == 90_000_000
        assert press("bench", "stats", "none", "--json").problem["code"] == "bench_unknown"

    def test_its_log_is_read_from_its_host(self, press: Press, driver: Driver) -> None:
        driver.agents.logs[driver.bench_id] = "it starts\nit runs\n"
        assert press("bench", "log", driver.bench_id).out == "it starts\nit runs\n"
        assert press("bench", "log", "none", "--json").problem["code"] == "bench_unknown"

    def test_it_is_drained(self, press: Press, driver: Driver) -> None:
        assert "The bench is draining." in press("bench", "drain", driver.bench_id).out


class TestJob:
    def test_its_steps_are_shown(self, press: Press, driver: Driver) -> None:
        driver.observe()
        driver.run()
        (order,) = driver.orders("create_site")
        step = {"key": "clone", "title": "Clone the template", "state": "done", "seconds": 0.25}
        driver.push(driver.agents.start(driver.server_id, order.job_id, step))
        assert "✓ Clone the template  0.25 s" in press("job", "show", order.job_id).out

    def test_watching_ends_in_time(self, press: Press, driver: Driver) -> None:
        driver.observe()
        driver.run()
        (order,) = driver.orders("create_site")
        said = press("job", "watch", order.job_id, "--timeout", "0.2", "--json")
        assert (said.status, said.problem["code"]) == (1, "not_in_time")

    def test_those_of_one_site_are_listed(self, press: Press, driver: Driver) -> None:
        site = driver.active_site()
        driver.active_site(external_id="other", customer_ref="other")
        listed = press("job", "list", "--site", site.name, "--json").json["items"]
        assert {job["target"] for job in listed} == {site.target}
