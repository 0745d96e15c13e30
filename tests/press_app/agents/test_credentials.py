"""Credentials between control plane and agents: what stands, and everything that does not."""

import base64
import hashlib
import hmac
import json
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwk import OKPKey, RSAKey

from press_app.agents import credentials
from press_app.agents.credentials import CredentialRefused
from tests.factories.servers import make_key

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
BODY = b'{"events": []}'
KEY = make_key()
PUBLIC = OKPKey.import_key(KEY.as_pem(private=False))


def make_claims(**changes: Any) -> dict[str, Any]:
    issued = int(NOW.timestamp())
    return {
        "iss": "server-1",
        "aud": "press",
        "op": "events.push",
        "jti": "1",
        "nonce": "n",
        "body_sha256": hashlib.sha256(BODY).hexdigest(),
        "iat": issued,
        "exp": issued + 45,
        **changes,
    }


def make_token(key: Any = KEY, algorithm: str = "EdDSA", **changes: Any) -> str:
    registry = credentials._REGISTRY if algorithm == "EdDSA" else None
    return jwt.encode(
        {"alg": algorithm}, make_claims(**changes), key, algorithms=[algorithm], registry=registry
    )


def verify(token: str, **changes: Any) -> credentials.Accepted:
    values: dict[str, Any] = {
        "key_of": {"server-1": PUBLIC}.get,
        "operation": "events.push",
        "body": BODY,
        "now": NOW,
        **changes,
    }
    return credentials.verify(token, **values)


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(CredentialRefused) as refused:
        action()
    assert refused.value.status == 401
    return refused.value.code


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TestVerify:
    def test_accepts_what_an_agent_signed(self) -> None:
        token = make_token()
        accepted = verify(token)
        assert accepted.claims["iss"] == "server-1"
        assert accepted.token_hash == hashlib.sha256(token.encode()).hexdigest()
        assert accepted.expires_at == int(NOW.timestamp()) + 45

    def test_accepts_what_another_library_signed(self) -> None:
        private = Ed25519PrivateKey.generate()
        head = b64(json.dumps({"alg": "EdDSA", "typ": "JWT"}).encode())
        signed = f"{head}.{b64(json.dumps(make_claims()).encode())}"
        token = f"{signed}.{b64(private.sign(signed.encode()))}"
        public = OKPKey.import_key(
            {"kty": "OKP", "crv": "Ed25519", "x": b64(private.public_key().public_bytes_raw())}
        )
        assert verify(token, key_of={"server-1": public}.get)

    def test_accepts_the_newer_name_of_the_algorithm(self) -> None:
        assert verify(make_token(algorithm="Ed25519"))

    @pytest.mark.parametrize("skew", [-5, 50])
    def test_forgives_five_seconds_of_skew(self, skew: int) -> None:
        assert verify(make_token(), now=NOW + timedelta(seconds=skew))

    @pytest.mark.parametrize("skew", [-7, 51])
    def test_refuses_more(self, skew: int) -> None:
        now = NOW + timedelta(seconds=skew)
        assert refusal(lambda: verify(make_token(), now=now)) == "credential_expired"

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"aud": "server-1"}, "credential_wrong_audience"),
            ({"aud": ["press"]}, "credential_wrong_audience"),
            ({"op": "secrets.fetch"}, "credential_wrong_operation"),
            ({"op": None}, "credential_wrong_operation"),
            ({"body_sha256": hashlib.sha256(b"").hexdigest()}, "credential_wrong_body"),
            ({"exp": int(NOW.timestamp()) + 61}, "credential_invalid"),
            ({"exp": int(NOW.timestamp())}, "credential_invalid"),
            ({"exp": str(int(NOW.timestamp()) + 45)}, "credential_invalid"),
            ({"iat": None}, "credential_invalid"),
            ({"iat": True}, "credential_invalid"),
            ({"iss": "server-2"}, "credential_invalid"),
            ({"iss": ["server-1"]}, "credential_invalid"),
        ],
    )
    def test_refuses_wrong_claims(self, changes: dict[str, Any], code: str) -> None:
        assert refusal(lambda: verify(make_token(**changes))) == code

    def test_refuses_a_foreign_signature(self) -> None:
        assert refusal(lambda: verify(make_token(make_key()))) == "credential_invalid"

    def test_refuses_changed_claims(self) -> None:
        head, _, signature = make_token().split(".")
        claims = b64(json.dumps(make_claims(op="secrets.fetch")).encode())
        changed = f"{head}.{claims}.{signature}"
        assert refusal(lambda: verify(changed, operation="secrets.fetch")) == "credential_invalid"

    @pytest.mark.parametrize("secret", [KEY.as_pem(private=False), b64(b"x" * 32).encode()])
    def test_refuses_a_public_key_used_as_a_shared_secret(self, secret: bytes) -> None:
        head = b64(json.dumps({"alg": "HS256"}).encode())
        signed = f"{head}.{b64(json.dumps(make_claims()).encode())}"
        token = f"{signed}.{b64(hmac.digest(secret, signed.encode(), 'sha256'))}"
        assert refusal(lambda: verify(token)) == "credential_invalid"

    def test_refuses_no_signature(self) -> None:
        for algorithm in ("none", "None", "EdDSA"):
            head = b64(json.dumps({"alg": algorithm}).encode())
            token = f"{head}.{b64(json.dumps(make_claims()).encode())}."
            assert refusal(partial(verify, token)) == "credential_invalid"

    def test_refuses_other_algorithms_and_keys_in_the_token(self) -> None:
        rsa = RSAKey.generate_key(2048)
        assert refusal(lambda: verify(make_token(rsa, "RS256"))) == "credential_invalid"
        stranger = make_key()
        header = {"alg": "EdDSA", "jwk": stranger.as_dict(private=False), "kid": "server-1"}
        token = jwt.encode(header, make_claims(), stranger, registry=credentials._REGISTRY)
        assert refusal(lambda: verify(token)) == "credential_invalid"

    @pytest.mark.parametrize(
        "token",
        [
            "",
            ".",
            "..",
            "a.b.c",
            "a.b",
            f"x.{b64(b'[]')}.x",
            f"x.{b64(b'1')}.x",
            f"x.{b64(b'[' * 20_000)}.x",
            f"x.{b64(chr(0xFFFF).encode())}.x",
            "é.é.é",
            f"x.{b64(json.dumps({'iss': 'server-1'}).encode())}.x",
        ],
    )
    def test_refuses_rubbish_without_falling_over(self, token: str) -> None:
        assert refusal(lambda: verify(token)) == "credential_invalid"


class TestSign:
    def test_says_who_may_do_what_with_which_body_and_for_how_long(self) -> None:
        token = credentials.sign(
            KEY, audience="server-1", operation="create_site", token_id="job-1", body=BODY, now=NOW
        )
        decoded = jwt.decode(token, PUBLIC, registry=credentials._REGISTRY)
        claims = decoded.claims
        assert decoded.header["alg"] == "EdDSA"
        assert (claims["iss"], claims["aud"], claims["op"], claims["jti"]) == (
            "press",
            "server-1",
            "create_site",
            "job-1",
        )
        assert claims["body_sha256"] == hashlib.sha256(BODY).hexdigest()
        assert 0 < claims["exp"] - claims["iat"] <= 60

    def test_never_gives_the_same_text_twice(self) -> None:
        made = {
            credentials.sign(KEY, audience="s", operation="o", token_id="1", body=b"", now=NOW)
            for _ in range(20)
        }
        assert len(made) == 20


class TestEnsureKey:
    def test_makes_one_key_that_its_owner_alone_can_read(self, tmp_path: Path) -> None:
        path = tmp_path / "deep" / "key.pem"
        first = credentials.ensure_key(path)
        assert credentials.ensure_key(path).as_dict() == first.as_dict()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert list(path.parent.iterdir()) == [path]

    def test_of_many_at_once_all_get_the_same(self, tmp_path: Path) -> None:
        path, start = tmp_path / "key.pem", threading.Barrier(8)
        seen: list[str] = []

        def ensure() -> None:
            start.wait()
            seen.append(credentials.ensure_key(path).thumbprint())

        threads = [threading.Thread(target=ensure) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(seen) == 8
        assert len(set(seen)) == 1
