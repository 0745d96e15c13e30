"""The command line: what it prints for programs and says to people."""

import json
import os
import subprocess
from pathlib import Path

from joserfc.jwk import OKPKey

from tests.agent.control_plane import ControlPlane
from tests.agent.harness import CLI
from tests.agent.support import ROOT


def run(folder: Path, *arguments: str, stdin: str = "", **options: str) -> subprocess.CompletedProcess[str]:
    env = {
        "PATH": os.environ["PATH"],
        "PRESS_AGENT_DATA_DIR": str(folder),
        "PRESS_AGENT_ENGINES": "fake",
    } | options
    return subprocess.run(
        (*CLI, *arguments), input=stdin, env=env, capture_output=True, text=True, cwd=ROOT, check=False
    )


def make_enrolment() -> str:
    return ControlPlane(url="http://127.0.0.1:8000").enrolment().model_dump_json()


class TestEnroll:
    def test_prints_what_the_control_plane_stores(self, tmp_path: Path) -> None:
        text = make_enrolment()
        first, second = (json.loads(run(tmp_path, "enroll", stdin=text).stdout) for _ in range(2))
        assert first == second
        assert OKPKey.import_key(first["public_key"]).is_private is False
        assert (first["url"], first["engines"]) == ("http://127.0.0.1:8090", ["fake"])

    def test_another_plane_is_refused_without_replace(self, tmp_path: Path) -> None:
        run(tmp_path, "enroll", stdin=make_enrolment())
        refused = run(tmp_path, "enroll", stdin=make_enrolment())
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "--replace" in refused.stderr
        assert run(tmp_path, "enroll", "--replace", stdin=make_enrolment()).returncode == 0

    def test_nonsense_is_one_sentence(self, tmp_path: Path) -> None:
        refused = run(tmp_path, "enroll", stdin="{}")
        assert refused.returncode == 2
        assert refused.stderr.count("\n") == 1
        assert "server_id" in refused.stderr


class TestSettings:
    def test_a_wrong_setting_is_named(self, tmp_path: Path) -> None:
        refused = run(tmp_path, "state", PRESS_AGENT_PORT="x")
        assert refused.returncode == 2
        assert "PRESS_AGENT_PORT" in refused.stderr
        assert "Traceback" not in refused.stderr

    def test_an_unknown_engine_is_named(self, tmp_path: Path) -> None:
        refused = run(tmp_path, "state", PRESS_AGENT_ENGINES="sap")
        assert refused.returncode == 2
        assert "fake, tryton" in refused.stderr


class TestState:
    def test_an_empty_host(self, tmp_path: Path) -> None:
        state = json.loads(run(tmp_path, "state").stdout)
        assert (state["benches"], state["sites"], state["open_jobs"], state["server_id"]) == ([], [], [], "")


class TestConformance:
    def test_prints_engine_and_operations(self, tmp_path: Path) -> None:
        done = run(tmp_path, "conformance", "--engine", "fake", "--json")
        report = json.loads(done.stdout)
        assert (done.returncode, report["engine"], report["ok"]) == (0, "fake", True)
        assert report["operations"]["archive_site"] is True
        assert len(report["checks"]) > 15
