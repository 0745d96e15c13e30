"""The troubles are survived, and what is not survived is told."""

from collections.abc import Iterator

import pytest

from tests.chaos.troubles import command, crew
from tests.chaos.troubles.crew import Crew, endure
from tests.e2e.platform import Platform

pytestmark = [pytest.mark.platform, pytest.mark.timeout(600)]


@pytest.fixture
def busy(platform: Platform) -> Iterator[Crew]:
    made = Crew(platform)
    yield made
    for member in made.members:
        if not member.is_away:
            member.tenant.terminate()


def test_a_flushed_redis_and_a_torn_edge_cost_nothing(platform: Platform) -> None:
    chosen = ("Redis flushed", "edge file cut in half")
    endings = list(command.run(platform, quick=True, is_wanted=lambda fault: fault.startswith(chosen)))
    assert [(ending.cell, ending.broken, ending.timeline) for ending in endings if not ending.holds] == []
    operations = {ending.cell.operation for ending in endings}
    assert operations == {"create", "suspend", "resume", "archive", "undo", "backup", "restore", "any"}


def test_lost_data_and_a_fault_that_fails_are_told(busy: Crew) -> None:
    def lose() -> None:
        busy.bystander.kept.add("Written and lost")
        raise OSError("the fault did not come")

    endings = list(endure(busy, "a loss", lose))
    assert not any(ending.holds for ending in endings)
    assert "The fault itself failed: OSError: the fault did not come" in endings[0].broken
    last = endings[-1]
    assert any("has 0 times 'Written and lost'" in text for text in last.broken)
    assert any("site.active" in line for line in last.timeline)


def test_what_does_not_converge_is_given_up_and_told(busy: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "CONVERGED", 0.0)
    endings = list(endure(busy, "no patience", lambda: None))
    assert any("should be" in text for ending in endings for text in ending.broken)
