"""The health check of our images, as the engine runs it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

PROGRAM = Path(__file__).parents[2] / "images" / "python" / "health.py"


def ask(url: str, *checks: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROGRAM), url, *checks], capture_output=True, text=True, check=False
    )


class TestHealth:
    def test_an_answer_is_well_and_a_refusal_is_not(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/health").respond_with_data("ok")
        httpserver.expect_request("/ready").respond_with_data("no", status=503)
        assert ask(httpserver.url_for("/health")).returncode == 0
        refused = ask(httpserver.url_for("/ready"))
        assert (refused.returncode, refused.stdout) == (1, "answered 503\n")

    def test_nobody_there_is_not_well(self) -> None:
        assert ask("http://127.0.0.1:9/health").returncode == 1

    @pytest.mark.parametrize(
        ("checks", "is_well"),
        [
            ([{"name": "clock", "state": "ok"}, {"name": "edge", "state": "down"}], True),
            ([{"name": "clock", "state": "degraded"}], False),
            ({"clock": "ok", "edge": "away"}, True),
            ({"clock": "1 of 2 are running"}, False),
            ({"clock": {"ok": True, "error": None}}, True),
            ({"clock": {"ok": False, "error": "late"}}, False),
            ({"other": "ok"}, False),
            (None, False),
        ],
    )
    def test_a_worker_is_as_well_as_its_check(
        self, httpserver: HTTPServer, checks: Any, is_well: bool
    ) -> None:
        httpserver.expect_request("/ready").respond_with_data(json.dumps({"checks": checks}), status=503)
        assert (ask(httpserver.url_for("/ready"), "clock").returncode == 0) == is_well

    def test_all_named_checks_must_be_well(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/ready").respond_with_json({"checks": {"a": "ok", "b": "away"}})
        said = ask(httpserver.url_for("/ready"), "a", "b")
        assert (said.returncode, said.stdout) == (1, "b: away\n")
