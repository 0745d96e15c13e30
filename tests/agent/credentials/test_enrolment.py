"""Enrolment: the key pair is made once, and a host is not handed over by accident."""

import json
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, OKPKey

from agent.credentials.enrolment import Enrolment, Identity, parse_enrolment
from agent.credentials.errors import AlreadyEnrolled, NotEnrolled


def make_enrolment(server_id: str = "srv-1", key: OKPKey | None = None) -> Enrolment:
    pem = (key or OKPKey.generate_key("Ed25519")).as_pem(private=False).decode()
    return Enrolment(
        server_id=server_id, control_plane_url="http://127.0.0.1:8000", control_plane_public_key=pem
    )


class TestIdentity:
    def test_the_key_is_made_once_and_kept_private(self, tmp_path: Path) -> None:
        first = Identity(tmp_path).public_pem()
        assert Identity(tmp_path).public_pem() == first
        assert (tmp_path / "agent.key").stat().st_mode & 0o777 == 0o600
        assert "PRIVATE" not in first

    def test_another_process_sees_the_enrolment(self, tmp_path: Path) -> None:
        reader = Identity(tmp_path)
        with pytest.raises(NotEnrolled):
            reader.get_enrolment()
        wanted = make_enrolment()
        Identity(tmp_path).enroll(wanted, replace=False)
        assert reader.get_enrolment() == wanted

    def test_the_same_plane_may_enroll_again(self, tmp_path: Path) -> None:
        key = OKPKey.generate_key("Ed25519")
        identity = Identity(tmp_path)
        identity.enroll(make_enrolment(key=key), replace=False)
        moved = make_enrolment(key=key).model_copy(update={"control_plane_url": "http://127.0.0.1:9000"})
        identity.enroll(moved, replace=False)
        assert identity.get_enrolment().control_plane_url == "http://127.0.0.1:9000"

    def test_another_plane_must_say_replace(self, tmp_path: Path) -> None:
        identity = Identity(tmp_path)
        first, second = make_enrolment(), make_enrolment()
        identity.enroll(first, replace=False)
        with pytest.raises(AlreadyEnrolled):
            identity.enroll(second, replace=False)
        assert identity.get_enrolment() == first
        identity.enroll(second, replace=True)
        assert identity.get_enrolment() == second


class TestParseEnrolment:
    @pytest.mark.parametrize(
        "change",
        [
            {"control_plane_public_key": "no key"},
            {"control_plane_public_key": ECKey.generate_key("P-256").as_pem(private=False).decode()},
            {"control_plane_url": "ftp://x"},
            {"server_id": "../x"},
            {"more": 1},
        ],
    )
    def test_refuses(self, change: dict[str, object]) -> None:
        with pytest.raises(ValueError, match=r".+"):
            parse_enrolment(json.dumps(make_enrolment().model_dump() | change))

    def test_reads(self) -> None:
        wanted = make_enrolment()
        assert parse_enrolment(wanted.model_dump_json()) == wanted
