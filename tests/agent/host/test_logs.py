"""What the agent's programs write to their log: JSON lines, whoever wrote them and whatever was killed."""

import json
import sys
import uuid
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen, run
from typing import Any

from tests.agent.harness import CLI, RunningAgent, running_agent
from tests.agent.support import ROOT, free_port, running, wait_until

CRASHES = """
import logging, threading, warnings
from agent.host.logs import configure_logs
configure_logs("INFO")
logging.captureWarnings(True)
logging.getLogger("rq.worker").error("it\\nbroke", exc_info=ValueError("one"))
logging.getLogger("uvicorn.error").info("Started %s", "server")
warnings.warn("old", stacklevel=1)
def fail(): raise RuntimeError("two")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
class Stubborn:
    def __del__(self): raise RuntimeError("ignored")
Stubborn()
raise KeyError("three")
"""
LONG = """
import logging
from agent.host.logs import configure_logs
configure_logs("INFO")
for _ in range(300):
    logging.getLogger("rq.worker").error("x" * 40_000)
"""


def read_lines(text: str) -> list[dict[str, Any]]:
    plain = [line for line in text.splitlines() if not line.startswith("{")]
    assert plain == []
    return [json.loads(line) for line in text.splitlines()]


def redis_argv(port: int, folder: Path) -> tuple[str, ...]:
    where = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder))
    return ("redis-server", *where, "--save", "")


class TestConfigureLogs:
    def test_everything_is_a_json_line(self) -> None:
        done = run((sys.executable, "-c", CRASHES), capture_output=True, text=True, check=False, cwd=ROOT)
        broke, started, warned, thread, ignored, crash = read_lines(done.stderr)
        assert (done.returncode, done.stdout) == (1, "")
        assert (broke["event"], broke["level"], broke["logger"]) == ("it\nbroke", "error", "rq.worker")
        assert "ValueError: one" in broke["exception"]
        assert started["event"] == "Started server"
        assert "old" in warned["event"]
        assert "RuntimeError: two" in thread["exception"]
        assert "RuntimeError: ignored" in ignored["exception"]
        assert (crash["event"], crash["level"]) == ("program.crashed", "critical")
        assert "KeyError: 'three'" in crash["exception"]

    def test_long_lines_of_several_programs_stay_whole(self, tmp_path: Path) -> None:
        with (tmp_path / "log").open("ab") as shared:
            programs = [Popen((sys.executable, "-c", LONG), stderr=shared, cwd=ROOT) for _ in range(4)]
            assert [program.wait(60) for program in programs] == [0] * 4
        assert len(read_lines((tmp_path / "log").read_text())) == 4 * 300


class TestPrograms:
    def test_write_json_lines_through_kills(self, tmp_path: Path) -> None:
        port = free_port()
        with ExitStack() as stack:
            first = stack.enter_context(running(redis_argv(port, tmp_path), tmp_path / "redis.log"))
            agent = stack.enter_context(running_agent(tmp_path, f"redis://127.0.0.1:{port}/0"))
            worker = agent.start_worker()
            agent.deploy()
            kill_in_the_middle(agent, worker)
            first.kill()
            first.wait(5)
            wait_until(lambda: '"rq.worker"' in agent.read_log(), what=agent.read_log()[-2000:])
            stack.enter_context(running(redis_argv(port, tmp_path), tmp_path / "redis.log"))
            site_id = str(uuid.uuid4())
            job = agent.plane.do("create_site", f"site:{site_id}", agent.create_params(site_id))
            assert job["status"] == "succeeded"
        lines = read_lines(agent.read_log())
        assert {"uvicorn.error", "rq.worker", "agent.jobs.runner"} <= {line["logger"] for line in lines}
        of_job = [line for line in lines if line.get("job_id") == job["id"] and "operation" in line]
        assert {line["correlation_id"] for line in of_job} == {"c-1"}
        assert {"job.started", "job.finished"} <= {line["event"] for line in of_job}

    def test_the_request_s_id_stands_in_what_its_refusal_writes(self, tmp_path: Path, redis_url: str) -> None:
        with running_agent(tmp_path, redis_url) as agent:
            (agent.settings.data_dir / "enrolment.json").unlink()
            answer = agent.plane.get("/v1/state", "state.read")
            assert answer.json()["code"] == "not_enrolled"
            (line,) = [line for line in read_lines(agent.read_log()) if line["event"] == "request.failed"]
            assert line["correlation_id"] == answer.json()["correlation_id"]

    def test_a_program_that_cannot_start_says_so_in_a_json_line(self, tmp_path: Path, redis_url: str) -> None:
        with running_agent(tmp_path, redis_url, start_api=False) as agent:
            (agent.settings.data_dir / "ledger.sqlite").write_text("no database at all" * 100)
            done = run((*CLI, "run", "worker"), env=agent.env, capture_output=True, text=True, check=False)
            (line,) = read_lines(done.stderr)
            assert (done.returncode, line["event"], line["code"]) == (
                1,
                "program.stopped",
                "ledger_unavailable",
            )


def kill_in_the_middle(agent: RunningAgent, worker: Popen[bytes]) -> None:
    """Kill the worker with -9 while it makes a site; a new one goes on."""
    site_id = str(uuid.uuid4())
    trouble = agent.trouble("ensure_site_configured.before")
    trouble.write_text("hang")
    answer = agent.plane.put("create_site", f"site:{site_id}", agent.create_params(site_id))
    wait_until(trouble.with_suffix(".reached").exists)
    worker.kill()
    worker.wait(5)
    trouble.unlink()
    agent.start_worker()
    assert agent.plane.wait_for(answer.json()["id"])["status"] == "succeeded"
