"""The state folder: records, files, locks, secrets."""

import json
import stat
from pathlib import Path

import pytest

from scripts.bringup.errors import UpError
from scripts.bringup.keys import ensure_secret, find_secret, make_password, make_uuid, store_secret
from scripts.bringup.state import (
    MAX_SOCKET_PATH,
    Paths,
    Record,
    hold_lock,
    load_record,
    save_record,
    write_file,
)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(tmp_path / "var")
    made.make()
    return made


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestPaths:
    def test_folders_are_closed_to_others(self, paths: Paths) -> None:
        assert {mode_of(folder) for folder in paths.state.iterdir()} == {0o700}

    def test_a_long_path_gets_a_short_socket(self, tmp_path: Path) -> None:
        deep = Paths(tmp_path / ("d" * 120))
        other = Paths(tmp_path / ("e" * 120))
        assert len(str(deep.socket)) <= MAX_SOCKET_PATH
        assert deep.socket != other.socket
        assert deep.socket == Paths(deep.state).socket


class TestRecord:
    def test_what_was_saved_is_loaded_and_private(self, paths: Paths) -> None:
        record = Record(ports={"edge": 8000}, done={"bench": "now"})
        save_record(paths, record)
        assert load_record(paths) == record
        assert mode_of(paths.record) == 0o600

    def test_nothing_saved_is_an_empty_record(self, paths: Paths) -> None:
        assert load_record(paths) == Record()

    def test_fields_of_another_version_are_passed_over(self, paths: Paths) -> None:
        paths.record.write_text(json.dumps({"ports": {"edge": 1}, "later": True}), encoding="utf-8")
        assert load_record(paths).ports == {"edge": 1}

    @pytest.mark.parametrize("text", ["", "{", "[]", "null"])
    def test_a_torn_record_says_what_to_do(self, paths: Paths, text: str) -> None:
        paths.record.write_text(text, encoding="utf-8")
        with pytest.raises(UpError, match="remove it and run up again"):
            load_record(paths)


class TestWriteFile:
    def test_says_whether_it_changed_anything(self, tmp_path: Path) -> None:
        file = tmp_path / "a" / "b.txt"
        assert write_file(file, "one", mode=0o600) is True
        assert write_file(file, "one", mode=0o600) is False
        assert write_file(file, "two", mode=0o600) is True
        assert (file.read_text(encoding="utf-8"), mode_of(file)) == ("two", 0o600)

    def test_a_file_that_others_can_read_is_closed_again(self, tmp_path: Path) -> None:
        file = tmp_path / "secret"
        write_file(file, "x", mode=0o644)
        assert write_file(file, "x", mode=0o600) is True
        assert mode_of(file) == 0o600

    def test_no_temporary_file_stays(self, tmp_path: Path) -> None:
        write_file(tmp_path / "a", "x")
        assert [path.name for path in tmp_path.iterdir()] == ["a"]


class TestLock:
    def test_two_at_once_are_refused_and_the_next_is_not(self, paths: Paths) -> None:
        with hold_lock(paths), pytest.raises(UpError, match="another up is at work"), hold_lock(paths):
            pass
        with hold_lock(paths):
            pass


class TestSecrets:
    def test_a_secret_is_made_once_and_private(self, paths: Paths) -> None:
        first = ensure_secret(paths.secrets, "key", make_password)
        assert ensure_secret(paths.secrets, "key", make_password) == first
        assert mode_of(paths.secrets / "key") == 0o600

    def test_an_empty_file_is_no_secret(self, paths: Paths) -> None:
        store_secret(paths.secrets, "key", "")
        assert find_secret(paths.secrets, "key") is None
        assert ensure_secret(paths.secrets, "key", make_uuid) != ""
