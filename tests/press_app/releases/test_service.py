"""Releases never change."""

import pytest

from press_app.releases import service as releases
from press_app.releases.errors import ReleaseNameTaken
from press_app.work.unit_of_work import UnitOfWork, Work
from tests.factories.threads import run_at_once

SETS = [["base"], ["base", "crm"]]


def add(uow: UnitOfWork, version: str = "8.0", sets: list[list[str]] | None = None) -> str:
    return releases.add_release(
        uow, name="tryton-8", engine="tryton", engine_version=version, app_sets=sets or SETS
    ).id


class TestAddRelease:
    def test_the_same_again_is_given_back(self, work: Work) -> None:
        with work.begin(actor="operator") as uow:
            first = add(uow)
        with work.begin(actor="operator") as uow:
            assert add(uow) == first
            assert releases.get_release(uow.session, "tryton-8").id == first
            assert releases.get_release(uow.session, first).app_sets == SETS

    @pytest.mark.parametrize(("version", "sets"), [("8.2", SETS), ("8.0", [["base"]])])
    def test_another_content_is_refused(self, work: Work, version: str, sets: list[list[str]]) -> None:
        with work.begin(actor="operator") as uow:
            add(uow)
        with pytest.raises(ReleaseNameTaken), work.begin(actor="operator") as uow:
            add(uow, version, sets)

    def test_other_code_is_another_content(self, work: Work) -> None:
        code = [{"app": "frappe", "url": "https://git.example/frappe", "commit": "a" * 40}]
        for sources in (code, code):
            with work.begin(actor="operator") as uow:
                made = releases.add_release(
                    uow,
                    name="frappe-15",
                    engine="frappe",
                    engine_version="15",
                    app_sets=SETS,
                    sources=sources,
                )
                assert made.sources == code
        other = [{**code[0], "commit": "b" * 40}]
        with pytest.raises(ReleaseNameTaken), work.begin(actor="operator") as uow:
            releases.add_release(
                uow, name="frappe-15", engine="frappe", engine_version="15", app_sets=SETS, sources=other
            )

    def test_another_base_is_another_content(self, work: Work) -> None:
        def add_on(base: str | None) -> str | None:
            with work.begin(actor="operator") as uow:
                return releases.add_release(
                    uow, name="frappe-16", engine="frappe", engine_version="16", app_sets=SETS, base=base
                ).base

        assert [add_on("debian:trixie-slim") for _ in range(2)] == ["debian:trixie-slim"] * 2
        with pytest.raises(ReleaseNameTaken):
            add_on(None)

    def test_of_many_at_once_one_row_is_made(self, work: Work) -> None:
        made: set[str] = set()

        def try_it() -> None:
            with work.begin(actor="operator") as uow:
                made.add(add(uow))

        failed = run_at_once(4, try_it)
        assert {error.code for error in failed} <= {"release_name_taken"}
        assert len(made) == 1
