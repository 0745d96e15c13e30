"""The command line: what it prints for programs and says to people."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey

from tests.agent.control_plane import ControlPlane
from tests.agent.harness import CLI
from tests.agent.support import ROOT
from tests.factories.object_store import KEY, KEY_ID, ObjectStore


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


class TestStoreCheck:
    def test_of_a_folder(self, tmp_path: Path) -> None:
        done = run(
            tmp_path, "store", "check", "--json", PRESS_AGENT_BACKUP_STORE=f"folder:{tmp_path}/backups"
        )
        assert (done.returncode, [each["name"] for each in json.loads(done.stdout)]) == (0, ["store", "lock"])

    def test_of_a_bucket_says_what_holds_and_no_key(self, tmp_path: Path, object_store: ObjectStore) -> None:
        bucket = object_store.make_bucket(is_lockable=True)
        (tmp_path / "keys").write_text(f"{KEY_ID}\n{KEY}\n")
        options = {
            "PRESS_AGENT_BACKUP_STORE": f"s3:{bucket}/host-1",
            "PRESS_AGENT_S3_ENDPOINT": object_store.url,
            "PRESS_AGENT_S3_KEY_FILE": str(tmp_path / "keys"),
            "PRESS_AGENT_S3_LOCK_DAYS": "7",
        }
        held = run(tmp_path, "store", "check", **options, PRESS_AGENT_S3_LOCK_MODE="compliance")
        assert (held.returncode, held.stdout.count("ok  "), held.stdout.count("FAIL")) == (0, 7, 0)
        lifted = run(tmp_path, "store", "check", **options, PRESS_AGENT_S3_LOCK_MODE="governance")
        assert lifted.returncode == 1
        assert "FAIL bypass" in lifted.stdout
        (tmp_path / "keys").write_text(f"{KEY_ID} wrong-{KEY}")
        refused = run(tmp_path, "store", "check", **options)
        assert (refused.returncode, "FAIL store" in refused.stdout) == (1, True)
        assert KEY not in held.stdout + lifted.stdout + refused.stdout + refused.stderr

    @pytest.mark.parametrize(
        ("location", "word"),
        [("s3:bucket", "PRESS_AGENT_S3_KEY_FILE"), ("s3:", "s3:<bucket>"), ("tape:1", "folder:<path>")],
    )
    def test_what_cannot_be_a_store_is_one_sentence(self, tmp_path: Path, location: str, word: str) -> None:
        refused = run(tmp_path, "store", "check", PRESS_AGENT_BACKUP_STORE=location)
        assert (refused.returncode, refused.stderr.count("\n"), word in refused.stderr) == (2, 1, True)


class TestConformance:
    def test_prints_engine_and_operations(self, tmp_path: Path) -> None:
        done = run(tmp_path, "conformance", "--engine", "fake", "--json")
        report = json.loads(done.stdout)
        assert (done.returncode, report["engine"], report["ok"]) == (0, "fake", True)
        assert report["operations"]["archive_site"] is True
        assert len(report["checks"]) > 15
