"""What is sealed opens with its key, whole; anything else is refused."""

import base64
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.commands.redact import Secret
from agent.errors import AgentError
from agent.host import files
from agent.stores import sealing
from agent.stores.sealing import LENGTH, MAGIC, PIECE_BYTES, TAG_BYTES, SealKey, seal, unseal


def make_key(name: str = "key-1") -> SealKey:
    return SealKey(name, Secret(base64.urlsafe_b64encode(os.urandom(32)).decode()))


KEY = make_key()


def seal_bytes(folder: Path, content: bytes, key: SealKey = KEY) -> Path:
    (folder / "plain").write_bytes(content)
    seal(folder / "plain", folder / "sealed", key)
    return folder / "sealed"


def head_bytes(path: Path) -> int:
    raw = path.read_bytes()
    (length,) = LENGTH.unpack(raw[len(MAGIC) : len(MAGIC) + LENGTH.size])
    return len(MAGIC) + LENGTH.size + int(length)


def refusal(path: Path, key: SealKey = KEY) -> str:
    with pytest.raises(AgentError) as caught:
        unseal(path, key, path.with_name("out"))
    assert not path.with_name("out").exists()
    assert list(path.parent.glob("*.part")) == []
    return caught.value.code


class TestSeal:
    @pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])
    def test_comes_back_whole_with_both_digests(self, tmp_path: Path, size: int) -> None:
        (tmp_path / "plain").write_bytes(os.urandom(size))
        plain, sealed = seal(tmp_path / "plain", tmp_path / "sealed", KEY)
        assert (
            unseal(tmp_path / "sealed", KEY, tmp_path / "back") == plain == unseal(tmp_path / "sealed", KEY)
        )
        assert (tmp_path / "back").read_bytes() == (tmp_path / "plain").read_bytes()
        assert (plain.size, plain.sha256) == (size, files.sha256_of(tmp_path / "plain"))
        assert (sealed.size, sealed.sha256) == (
            files.size_of(tmp_path / "sealed"),
            files.sha256_of(tmp_path / "sealed"),
        )

    def test_says_nothing_of_content_or_key_and_is_never_twice_the_same(self, tmp_path: Path) -> None:
        first = seal_bytes(tmp_path, b"martin" * 1000).read_bytes()
        second = seal_bytes(tmp_path, b"martin" * 1000).read_bytes()
        raw = base64.urlsafe_b64decode(KEY.text.reveal())
        for text in (first, second):
            assert b"martin" not in text
            assert raw not in text
        assert first[200:300] != second[200:300]


class TestUnseal:
    def test_another_key(self, tmp_path: Path) -> None:
        sealed = seal_bytes(tmp_path, b"x")
        assert refusal(sealed, make_key("key-1")) == "backup_key_wrong"
        assert refusal(sealed, SealKey("key-2", KEY.text)) == "backup_key_wrong"
        assert refusal(sealed, SealKey("key-1", Secret("short"))) == "backup_key_wrong"

    @pytest.mark.parametrize("cut", [1, TAG_BYTES, PIECE_BYTES + TAG_BYTES, PIECE_BYTES])
    def test_cut(self, tmp_path: Path, cut: int) -> None:
        sealed = seal_bytes(tmp_path, os.urandom(2 * PIECE_BYTES))
        sealed.write_bytes(sealed.read_bytes()[:-cut])
        assert refusal(sealed) == "backup_damaged"

    def test_cut_to_the_header(self, tmp_path: Path) -> None:
        sealed = seal_bytes(tmp_path, b"")
        sealed.write_bytes(sealed.read_bytes()[: head_bytes(sealed)])
        assert refusal(sealed) == "backup_damaged"

    def test_longer(self, tmp_path: Path) -> None:
        sealed = seal_bytes(tmp_path, os.urandom(PIECE_BYTES))
        with sealed.open("ab") as more:
            more.write(b"x" * 100)
        assert refusal(sealed) == "backup_damaged"

    def test_in_another_order(self, tmp_path: Path) -> None:
        sealed = seal_bytes(tmp_path, os.urandom(3 * PIECE_BYTES))
        raw, start, step = sealed.read_bytes(), head_bytes(sealed), PIECE_BYTES + TAG_BYTES
        first, second = raw[start : start + step], raw[start + step : start + 2 * step]
        sealed.write_bytes(raw[:start] + second + first + raw[start + 2 * step :])
        assert refusal(sealed) == "backup_damaged"

    def test_put_together_from_two(self, tmp_path: Path) -> None:
        one = seal_bytes(tmp_path, os.urandom(100)).read_bytes()
        sealed = seal_bytes(tmp_path, os.urandom(100))
        sealed.write_bytes(one[: head_bytes(sealed)] + sealed.read_bytes()[head_bytes(sealed) :])
        assert refusal(sealed) == "backup_damaged"

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04", MAGIC, MAGIC + LENGTH.pack(2**31) + b"{}"])
    def test_something_else(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "sealed").write_bytes(content)
        assert refusal(tmp_path / "sealed") == "backup_damaged"

    @given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    def test_any_bit_that_changes_is_found(self, tmp_path: Path, place: int, bit: int) -> None:
        sealed = seal_bytes(tmp_path, b"the books of a year" * 20)
        raw = bytearray(sealed.read_bytes())
        raw[place % len(raw)] ^= 1 << bit
        sealed.write_bytes(raw)
        assert refusal(sealed) in {"backup_damaged", "backup_key_wrong"}


def test_an_object_of_the_first_day_opens(tmp_path: Path) -> None:
    """The format is a promise: this was written by the first version."""
    (tmp_path / "sealed").write_bytes(base64.b64decode(FIRST))
    key = SealKey(
        "11111111-2222-4333-8444-555555555555", Secret(base64.urlsafe_b64encode(bytes(range(32))).decode())
    )
    unseal(tmp_path / "sealed", key, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"What was saved once is read for ever."
    assert sealing.MAGIC == b"press-backup/1\n"


FIRST = (
    "cHJlc3MtYmFja3VwLzEKAAAAm3sia2V5IjoiMTExMTExMTEtMjIyMi00MzMzLTg0NDQtNTU1NTU1NTU1NTU1IiwicGllY2Ui"
    "OjEwNDg1NzYsIndyYXBwZWQiOiJmbEpEWXRFeE1mMjJwNm1SSTlvRW1KUllUQTlWQlpSWFh1TVU0RzFQaTdTaTF2WUo4a1dp"
    "NVVuK2lvQTFHRlNDY3hRK3k5Z0lad2RLTlJWaCJ9QuxnyoP/oZ0o39kyIJJWoLI2OPbWULATxpnqbdUP6c7xs8fL49zQ3GMz"
    "UiJnjiOLOc8nFwg="
)
