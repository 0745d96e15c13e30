"""JWT signatures as Lago sends them: over a real socket, with the key from Lago's API."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from billing_bridge.api.signature import PublicKeyCache, SignatureVerifier
from billing_bridge.config import Settings
from billing_bridge.errors import LagoUnreadable, SignatureRefused
from tests.billing_bridge.builders import make_body, make_subscription, sign
from tests.billing_bridge.processes import running
from tests.billing_bridge.servers import LagoServer

ISSUER = "http://lago.example"
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def make_key() -> tuple[RSAKey, bytes]:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return RSAKey.import_key(pem), public


KEY, PUBLIC = make_key()
OTHER_KEY, OTHER_PUBLIC = make_key()


def sign_jwt(raw: bytes, key: RSAKey = KEY, **claims: Any) -> str:
    return jwt.encode({"alg": "RS256"}, {"data": raw.decode(), "iss": ISSUER} | claims, key)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class KeySource:
    """Gives the keys it was made with one after the other, then the last one for ever."""

    def __init__(self, *keys: bytes | Exception) -> None:
        self.keys = list(keys)
        self.reads = 0

    def __call__(self) -> bytes:
        self.reads += 1
        key = self.keys[min(self.reads, len(self.keys)) - 1]
        if isinstance(key, Exception):
            raise key
        return key


def make_verifier(
    source: KeySource, clock: Clock | None = None, issuer: str | None = ISSUER
) -> SignatureVerifier:
    cache = PublicKeyCache(source, clock=clock or Clock(), cooldown=timedelta(seconds=60))
    return SignatureVerifier(hmac_key=None, public_key=cache, issuer=issuer, max_bytes=500_000)


def verify(verifier: SignatureVerifier, raw: bytes, signature: str) -> None:
    verifier.verify(raw, signature=signature, algorithm="jwt")


class TestJwt:
    def test_a_right_signature_passes_and_the_key_is_read_once(self) -> None:
        source = KeySource(PUBLIC)
        verifier = make_verifier(source)
        for number in range(3):
            raw = make_body(payload={"n": number})
            verify(verifier, raw, sign_jwt(raw))
        assert source.reads == 1

    def test_a_rotated_key_is_read_again_once_per_cooldown(self) -> None:
        clock, source = Clock(), KeySource(PUBLIC, OTHER_PUBLIC)
        verifier = make_verifier(source, clock)
        raw = make_body()
        verify(verifier, raw, sign_jwt(raw))
        with pytest.raises(SignatureRefused):
            verify(verifier, raw, sign_jwt(raw, OTHER_KEY))
        assert source.reads == 1
        clock.now += timedelta(seconds=61)
        verify(verifier, raw, sign_jwt(raw, OTHER_KEY))
        for _ in range(5):
            with pytest.raises(SignatureRefused):
                verify(verifier, raw, sign_jwt(raw, KEY))
        assert source.reads == 2

    def test_an_unreadable_key_is_asked_for_again_after_the_cooldown(self) -> None:
        clock, source = Clock(), KeySource(LagoUnreadable("down"), PUBLIC)
        verifier = make_verifier(source, clock)
        raw = make_body()
        for _ in range(3):
            with pytest.raises(LagoUnreadable):
                verify(verifier, raw, sign_jwt(raw))
        assert source.reads == 1
        clock.now += timedelta(seconds=61)
        verify(verifier, raw, sign_jwt(raw))

    @pytest.mark.parametrize(
        "claims", [{"iss": "http://else"}, {"iss": None}, {"data": "{}"}, {"data": 1}, {"data": ""}]
    )
    def test_claims_must_match(self, claims: dict[str, Any]) -> None:
        raw = make_body()
        with pytest.raises(SignatureRefused):
            verify(make_verifier(KeySource(PUBLIC)), raw, sign_jwt(raw, **claims))

    def test_the_issuer_is_free_when_none_is_configured(self) -> None:
        raw = make_body()
        verify(make_verifier(KeySource(PUBLIC), issuer=None), raw, sign_jwt(raw, iss="http://else"))

    def test_a_text_that_is_signed_differently_is_refused(self) -> None:
        raw = make_body()
        with pytest.raises(SignatureRefused):
            verify(make_verifier(KeySource(PUBLIC)), raw.replace(b"acme", b"evil"), sign_jwt(raw))

    def test_algorithm_confusion_is_refused(self) -> None:
        raw = make_body()
        payload = {"data": raw.decode(), "iss": ISSUER}

        def part(value: dict[str, str]) -> str:
            return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

        with_public_key = jwt.encode({"alg": "HS256"}, payload, OctKey.import_key(PUBLIC[:200].hex()))
        for token in (
            f"{part({'alg': 'none'})}.{part(payload)}.",
            with_public_key,
            "a.b.c",
            "....",
            "\u00e9",
            "x" * 9999,
        ):
            with pytest.raises(SignatureRefused):
                verify(make_verifier(KeySource(PUBLIC)), raw, token)


def test_a_30_kb_body_with_its_jwt_passes_a_real_socket(
    settings: Callable[..., Settings],
    free_port: Callable[[], int],
    lago_server: LagoServer,
    until: Callable[..., None],
    tmp_path: Path,
) -> None:
    lago_server.public_pem = PUBLIC
    options = settings(port=free_port(), webhook_jwt=True, webhook_jwt_issuer=ISSUER)
    url = f"http://127.0.0.1:{options.port}"
    raw = make_body(payload=make_subscription(name="x" * 30_000))

    def is_up() -> bool:
        try:
            return requests.get(f"{url}/health", timeout=2).ok
        except requests.ConnectionError:
            return False

    with running("run", "api", settings=options, log=tmp_path / "api.log"), requests.Session() as session:
        until(is_up, what="the API")
        headers = sign(raw) | {"X-Lago-Signature-Algorithm": "jwt", "X-Lago-Signature": sign_jwt(raw)}
        assert len(headers["X-Lago-Signature"]) > 40_000
        answer = session.post(f"{url}/webhooks/lago", data=raw, headers=headers, timeout=10)
        assert (answer.status_code, answer.json()["received"]) == (200, "new")
        forged = headers | {"X-Lago-Signature": sign_jwt(raw, OTHER_KEY)}
        assert session.post(f"{url}/webhooks/lago", data=raw, headers=forged, timeout=10).status_code == 401
        assert (
            session.post(f"{url}/webhooks/lago", data=raw, headers=sign(raw), timeout=10).status_code == 200
        )
    public_key_reads = [target for _, target in lago_server.requests if target.endswith("json_public_key")]
    assert len(public_key_reads) == 1
