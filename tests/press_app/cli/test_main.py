"""How the command line starts, refuses and ends."""

import subprocess
import sys
from pathlib import Path

from tests.press_app.cli.conftest import ROOT, Press

HEAVY = ("sqlalchemy", "fastapi", "uvicorn", "pydantic", "rich.console", "structlog", "redis")


def test_help_loads_nothing_heavy() -> None:
    program = f"import sys, press_app.cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


class TestExitStatus:
    def test_3_when_the_api_cannot_be_reached(self, press: Press) -> None:
        said = press("site", "list", "--json", api_url="http://127.0.0.1:9")
        assert (said.status, said.problem["code"]) == (3, "api_unreachable")
        assert "http://127.0.0.1:9" in said.problem["message"]

    def test_1_with_the_problem_in_its_own_words(self, press: Press) -> None:
        said = press("site", "show", "01a20acf-68cc-731d-94f7-a14953b8cfbd")
        assert said.status == 1
        assert said.out == ""
        assert said.err == "press: There is no site 01a20acf-68cc-731d-94f7-a14953b8cfbd. [site_unknown]\n"

    def test_1_for_a_wrong_token(self, press: Press) -> None:
        assert press("me", "--json", token="press_wrong").problem["code"] == "credential_invalid"

    def test_2_for_wrong_usage(self, press: Press) -> None:
        assert press("site", "dance").status == 2

    def test_0_when_done(self, press: Press) -> None:
        said = press("me", "--json")
        assert (said.status, said.json["is_operator"]) == (0, True)


class TestConnection:
    def test_the_token_comes_from_a_file(self, press: Press, token: str, tmp_path: Path) -> None:
        file = tmp_path / "token"
        file.write_text(token + "\n")
        assert press("--token-file", str(file), "me", token="").status == 0

    def test_without_token_it_says_how_to_get_one(self, press: Press, tmp_path: Path) -> None:
        said = press("--token-file", str(tmp_path / "none"), "me", "--json", token="")
        assert said.problem["code"] == "token_missing"

    def test_the_installation_tells_where_its_api_is(
        self, press: Press, api_url: str, tmp_path: Path
    ) -> None:
        (tmp_path / "up.json").write_text(f'{{"urls": {{"press-api": "{api_url}"}}}}')
        assert press("--state", str(tmp_path), "me", api_url="").status == 0


def test_no_token_is_printed_by_a_failure(press: Press, token: str) -> None:
    said = press("site", "show", "nobody")
    assert token not in said.out + said.err
