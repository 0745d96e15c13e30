"""The wanted state of a site: what is closed remembers what it was, and nothing of it is lost on the way."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from agent.engines.door import site_files
from agent.engines.door.site_files import DoorState, SiteNote
from agent.engines.tryton.layout import TrytonFolder

SITE = "site-1"
NOTE = SiteNote(hostname="a.localhost", state=DoorState.ACTIVE, config={"password_length": 12}, muted=True)


@pytest.fixture
def folder(tmp_path: Path) -> TrytonFolder:
    folder = TrytonFolder(tmp_path)
    folder.make()
    return folder


class TestClose:
    @pytest.mark.parametrize("state", [DoorState.ACTIVE, DoorState.SUSPENDED])
    def test_remembers_what_it_was_however_often_it_is_closed(
        self, folder: TrytonFolder, state: DoorState
    ) -> None:
        site_files.write(folder, SITE, replace(NOTE, state=state, reason="unpaid"))
        for _ in range(2):
            closed = site_files.close(folder, SITE, NOTE.hostname)
            assert closed == replace(NOTE, state=DoorState.CLOSED, resumes_as=state, reason="unpaid")
            assert site_files.find(folder, SITE) == closed
        assert site_files.get_open_state(closed) is state

    def test_opens_one_that_never_was_open(self, folder: TrytonFolder) -> None:
        assert site_files.get_open_state(site_files.close(folder, SITE, "a.localhost")) is DoorState.ACTIVE


class TestFind:
    def test_gives_back_what_was_written(self, folder: TrytonFolder) -> None:
        assert site_files.write(folder, SITE, NOTE) is True
        assert site_files.write(folder, SITE, NOTE) is False
        assert site_files.find(folder, SITE) == NOTE

    def test_reads_what_an_older_agent_wrote(self, folder: TrytonFolder) -> None:
        older = {"hostname": "a.localhost", "state": "active", "resumes_as": "active", "reason": ""}
        folder.site(SITE).write_text(json.dumps(older))
        assert site_files.find(folder, SITE) == replace(NOTE, config={}, muted=False)
