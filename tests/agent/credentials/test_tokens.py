"""Credentials are believed once, for one server, operation, job and body."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from agent.credentials.errors import CredentialRefused
from agent.credentials.tokens import _REGISTRY, Claim, Verifier, sign

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
KEY = OKPKey.generate_key("Ed25519")
PUBLIC = OKPKey.import_key(KEY.as_pem(private=False))
CLAIM = Claim(issuer="press", audience="srv-1", operation="create_site", body=b"{}", job_id="job-1")


class Replays:
    """Remembers in memory."""

    def __init__(self) -> None:
        self.seen: dict[str, datetime] = {}

    def remember_credential(self, digest: str, expires_at: datetime) -> bool:
        if digest in self.seen:
            return False
        self.seen[digest] = expires_at
        return True


def make_claim(**overrides: Any) -> Claim:
    return replace(CLAIM, **overrides)


def refusal(authorization: str | None, *, claim: Claim = CLAIM, now: datetime = NOW) -> tuple[str, list[str]]:
    counted: list[str] = []
    with pytest.raises(CredentialRefused) as caught:
        Verifier(Replays(), lambda: now, counted.append).verify(authorization, PUBLIC, claim)
    return caught.value.code, counted


def forge(header: dict[str, Any], claims: dict[str, Any], signature: bytes) -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts).decode()


def good_claims() -> dict[str, Any]:
    return {
        "iss": "press",
        "aud": "srv-1",
        "op": "create_site",
        "jti": "job-1",
        "nonce": "n",
        "body_sha256": hashlib.sha256(b"{}").hexdigest(),
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 60,
    }


class TestVerify:
    def test_accepts_once(self) -> None:
        counted: list[str] = []
        verifier = Verifier(Replays(), lambda: NOW, counted.append)
        token = f"Bearer {sign(KEY, CLAIM, NOW)}"
        verifier.verify(token, PUBLIC, CLAIM)
        with pytest.raises(CredentialRefused) as caught:
            verifier.verify(token, PUBLIC, CLAIM)
        assert caught.value.code == "credential_replayed"
        assert counted == ["credential_replayed"]

    @pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer  ", "Basic abc"])
    def test_missing(self, header: str | None) -> None:
        assert refusal(header) == ("credential_missing", ["credential_missing"])

    @pytest.mark.parametrize(
        ("overrides", "code"),
        [
            ({"issuer": "other"}, "credential_invalid"),
            ({"audience": "srv-2"}, "credential_wrong_audience"),
            ({"operation": "drop_site"}, "credential_wrong_operation"),
            ({"job_id": "job-2"}, "credential_wrong_operation"),
            ({"body": b"{ }"}, "credential_wrong_body"),
        ],
    )
    def test_made_for_something_else(self, overrides: dict[str, Any], code: str) -> None:
        assert refusal(f"Bearer {sign(KEY, make_claim(**overrides), NOW)}")[0] == code

    @pytest.mark.parametrize(
        ("age", "accepted"), [(-6, False), (-4, True), (0, True), (64, True), (66, False), (3600, False)]
    )
    def test_lifetime(self, age: int, accepted: bool) -> None:
        token = f"Bearer {sign(KEY, CLAIM, NOW)}"
        then = NOW + timedelta(seconds=age)
        if accepted:
            Verifier(Replays(), lambda: then, print).verify(token, PUBLIC, CLAIM)
        else:
            assert refusal(token, now=then)[0] == "credential_expired"

    def test_another_key(self) -> None:
        token = sign(OKPKey.generate_key("Ed25519"), CLAIM, NOW)
        assert refusal(f"Bearer {token}")[0] == "credential_invalid"

    def test_alg_none(self) -> None:
        assert refusal(f"Bearer {forge({'alg': 'none'}, good_claims(), b'')}")[0] == "credential_invalid"

    def test_hs256_with_the_public_key(self) -> None:
        unsigned = forge({"alg": "HS256", "typ": "JWT"}, good_claims(), b"").rpartition(".")[0]
        signature = hmac.new(PUBLIC.as_pem(private=False), unsigned.encode(), "sha256").digest()
        token = unsigned + "." + base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
        assert refusal(f"Bearer {token}")[0] == "credential_invalid"

    def test_a_changed_claim(self) -> None:
        header, _, signature = sign(KEY, CLAIM, NOW).split(".")
        body = (
            base64.urlsafe_b64encode(json.dumps(good_claims() | {"aud": "srv-2"}).encode())
            .rstrip(b"=")
            .decode()
        )
        assert refusal(f"Bearer {header}.{body}.{signature}")[0] == "credential_invalid"

    @pytest.mark.parametrize("text", ["x", "a.b.c", "..", "é.é.é", "a" * 5000])
    def test_not_a_token(self, text: str) -> None:
        assert refusal(f"Bearer {text}")[0] == "credential_invalid"

    def test_lives_too_long(self) -> None:
        unsigned = good_claims() | {"exp": int(NOW.timestamp()) + 600}
        assert refusal(f"Bearer {signed(unsigned)}")[0] == "credential_expired"

    @pytest.mark.parametrize("times", [{"iat": None}, {"exp": "soon"}, {"iat": True}, {"exp": 10**30}])
    def test_nonsense_times(self, times: dict[str, Any]) -> None:
        assert refusal(f"Bearer {signed(good_claims() | times)}")[0] == "credential_invalid"

    def test_the_newer_name_of_the_algorithm(self) -> None:
        token = signed(good_claims(), alg="Ed25519")
        Verifier(Replays(), lambda: NOW, print).verify(f"Bearer {token}", PUBLIC, CLAIM)


def signed(claims: dict[str, Any], alg: str = "EdDSA") -> str:
    return jwt.encode({"alg": alg}, claims, KEY, registry=_REGISTRY)
