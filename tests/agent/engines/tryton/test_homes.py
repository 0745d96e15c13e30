"""Templates for the homes of customers are bounded: nobody can fill a disk by ordering sites for every country."""

import os
from pathlib import Path

from agent.engines.tryton.release import Release
from agent.engines.tryton.templates import MOST_HOMES, TemplateMaker
from agent.executors.fake import FakeExecutor


def test_homes_that_nobody_asked_for_lately_make_room(tmp_path: Path) -> None:
    release = Release(python=Path("python"), web_root=tmp_path, templates=tmp_path, environment={})
    names = [f"DE-EUR-de-Zone_{number}" for number in range(MOST_HOMES + 2)]
    for number, name in enumerate(names):
        (tmp_path / name).mkdir()
        (tmp_path / name / "base.sqlite").touch()
        os.utime(tmp_path / name, (1000 + number, 1000 + number))
    (tmp_path / "something-else").mkdir()
    os.utime(tmp_path / "something-else", (1, 1))
    (tmp_path / "base.sqlite").touch()
    TemplateMaker(release=release, executor=FakeExecutor(), progress=print)._forget_homes()
    assert {path.name for path in tmp_path.iterdir()} == {*names[2:], "something-else", "base.sqlite"}
