"""Which ERP a stack is made for, and which code that is."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.bringup.engines import FRAPPE, TRYTON
from scripts.stack.engines import settle_engine
from scripts.stack.errors import StackError
from scripts.stack.settings import FRAPPE_FILE, Stack
from tests.factories.git_https import git_https, publish

COMMIT, OTHER = "a" * 40, "b" * 40
ADDRESS = "https://git.example/frappe"
PINNED = {"engine": FRAPPE, "apps": f"frappe={ADDRESS}@{COMMIT}"}


def make_stack(**answers: str) -> Stack:
    usual = {"domain": "localhost", "dns_provider": "none", "engine": FRAPPE}
    return Stack(_env_file=None, **{**usual, **answers}).derive()  # type: ignore[arg-type]


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    folder = tmp_path / "upstream"
    folder.mkdir()
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    for words in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", "one")):
        subprocess.run(["git", *who, *words], cwd=folder, check=True)
    return folder


@pytest.fixture
def served(upstream: Path, tmp_path: Path) -> Iterator[tuple[str, str, Path]]:
    """Address and commit of a branch, and the authority that vouches for it."""
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=upstream, check=True, capture_output=True, text=True
    )
    commit = head.stdout.strip()
    with git_https(tmp_path) as (address, authority):
        publish(tmp_path, "frappe", upstream, "version-15", commit)
        yield f"{address}/frappe", commit, authority


class TestSettle:
    def test_a_branch_is_pinned_with_the_authority_that_the_stack_was_told_of(
        self, served: tuple[str, str, Path]
    ) -> None:
        address, commit, authority = served
        asked = [f"frappe={address}@version-15"]
        with pytest.raises(StackError, match="does not tell what version-15 is") as refused:
            settle_engine(make_stack(), asked, {}, is_made=False)
        assert "certificate" in refused.value.log
        stack = settle_engine(make_stack(extra_ca=str(authority)), asked, {}, is_made=False)
        assert stack.apps == f"frappe={address}@{commit}"

    @pytest.mark.parametrize("asked", [[], [f"frappe={ADDRESS}@version-15"]])
    @pytest.mark.parametrize("is_made", [False, True])
    def test_what_was_pinned_stays(self, asked: list[str], is_made: bool) -> None:
        stack = settle_engine(make_stack(), asked, PINNED, is_made=is_made)
        assert stack.apps == PINNED["apps"]

    def test_other_code_is_another_release_once_it_runs(self) -> None:
        asked = [f"frappe=https://fork.example/frappe@{OTHER}"]
        with pytest.raises(StackError, match="press release add"):
            settle_engine(make_stack(), asked, PINNED, is_made=True)
        assert settle_engine(make_stack(), asked, PINNED, is_made=False).apps == asked[0]
        with pytest.raises(StackError, match="press release add"):
            settle_engine(make_stack(apps=asked[0]), [], PINNED, is_made=True)

    def test_a_branch_that_somebody_wrote_into_the_file_is_pinned(
        self, served: tuple[str, str, Path]
    ) -> None:
        address, commit, authority = served
        by_hand = f"frappe={address}@version-15"
        stack = make_stack(extra_ca=str(authority), apps=by_hand)
        known = {"engine": FRAPPE, "apps": by_hand}
        assert settle_engine(stack, [], known, is_made=False).apps == f"frappe={address}@{commit}"

    def test_what_was_written_is_the_answer_of_the_next_time(self, tmp_path: Path) -> None:
        apps = f"frappe={ADDRESS}@{COMMIT} erpnext={ADDRESS}@{OTHER}"
        first = make_stack(apps=apps)
        (tmp_path / ".env").write_text(first.format(), "utf-8")
        assert Stack(_env_file=tmp_path / ".env").apps == apps

    @pytest.mark.parametrize("known", [{}, {"engine": TRYTON}])
    def test_an_engine_is_chosen_once(self, known: dict[str, str]) -> None:
        with pytest.raises(StackError, match=r"runs tryton.*Nothing was changed"):
            settle_engine(make_stack(), [], known, is_made=True)

    @pytest.mark.parametrize(
        "address",
        [
            "file:///srv/frappe",
            "ssh://git@git.example/frappe",
            "https://me:secret@git.example/frappe",
            "https://git.example/$HOME",
        ],
    )
    def test_an_address_that_containers_cannot_ask_or_that_holds_a_key_is_refused(self, address: str) -> None:
        with pytest.raises(StackError, match="Nothing was changed"):
            settle_engine(make_stack(), [f"frappe={address}@{COMMIT}"], {}, is_made=False)

    def test_tryton_has_no_apps_to_fetch_and_no_file_of_its_own(self) -> None:
        stack = make_stack(engine=TRYTON)
        assert settle_engine(stack, [], {}, is_made=False) == stack
        assert FRAPPE_FILE not in stack.compose_file
        assert FRAPPE_FILE in make_stack().compose_file
        with pytest.raises(StackError, match="goes with --engine frappe"):
            settle_engine(stack, ["frappe"], {}, is_made=False)

    def test_an_unknown_engine_is_said(self) -> None:
        with pytest.raises(StackError, match="'dolibarr' is no engine"):
            settle_engine(make_stack(engine="dolibarr"), [], {}, is_made=False)
