"""What a build is given."""

import tarfile
from pathlib import Path

import pytest

from agent.host.docker_values import PACKED_BYTES, pack


def test_a_large_context_goes_through_the_folder_that_has_room(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(PACKED_BYTES + 1)
    with pack({"sources/app.tar": large}, tmp_path) as packed, tarfile.open(fileobj=packed) as archive:
        assert archive.getmember("sources/app.tar").size == PACKED_BYTES + 1
    with pytest.raises(FileNotFoundError):
        pack({"sources/app.tar": large}, tmp_path / "away")
