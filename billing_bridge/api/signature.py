"""Proves that a delivery comes from Lago: HMAC-SHA256 or JWT/RS256 over the raw bytes."""

import base64
import hashlib
import hmac
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NoReturn

import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

from billing_bridge.errors import LagoUnreadable, SignatureRefused

log = structlog.get_logger(__name__)
ALGORITHM = "RS256"
LEEWAY = 60
"""Seconds by which the clocks of Lago and of this machine may differ."""


class PublicKeyCache:
    """Lago's public key, read once and again after a failed signature, but never more often than the cooldown."""

    def __init__(
        self, fetch: Callable[[], bytes], *, clock: Callable[[], datetime], cooldown: timedelta
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._cooldown = cooldown
        self._lock = threading.Lock()
        self._key: RSAKey | None = None
        self._read_at: datetime | None = None

    def get(self) -> RSAKey:
        """The key; raises `LagoUnreadable` when there is none yet and Lago does not give it."""
        with self._lock:
            key = self._key or self._read()
        if key is None:
            raise LagoUnreadable("Lago's public key could not be read; the delivery was not stored.")
        return key

    def refresh(self, failed: RSAKey) -> RSAKey | None:
        """Another key than the one that `failed`, if Lago has one by now; None within the cooldown."""
        with self._lock:
            if self._key is not failed:
                return self._key
            read = self._read()
        return None if read is None or read.as_pem() == failed.as_pem() else read

    def _read(self) -> RSAKey | None:
        now = self._clock()
        if self._read_at is not None and now - self._read_at < self._cooldown:
            return None
        self._read_at = now
        try:
            self._key = RSAKey.import_key(self._fetch())
        except (LagoUnreadable, JoseError, ValueError) as error:
            log.warning("public_key_unreadable", error=str(error))
            return None
        return self._key


class SignatureVerifier:
    """Accepts exactly the algorithms that are configured."""

    def __init__(
        self, *, hmac_key: str | None, public_key: PublicKeyCache | None, issuer: str | None, max_bytes: int
    ) -> None:
        self._hmac_key = hmac_key.encode() if hmac_key else None
        self._public_key = public_key
        self._issuer = issuer
        self._registry = JWSRegistry(algorithms=[ALGORITHM])
        self._registry.max_payload_length = max_bytes

    def verify(self, raw: bytes, *, signature: str | None, algorithm: str | None) -> None:
        """Raises `SignatureRefused` unless `signature` proves `raw`; may ask Lago for its key."""
        if not signature:
            _refuse("the header X-Lago-Signature is missing")
        if algorithm == "hmac" and self._hmac_key is not None:
            self._verify_hmac(raw, signature, self._hmac_key)
        elif algorithm == "jwt" and self._public_key is not None:
            self._verify_jwt(raw, signature, self._public_key)
        else:
            _refuse("X-Lago-Signature-Algorithm names no algorithm that is configured here")

    @staticmethod
    def _verify_hmac(raw: bytes, signature: str, key: bytes) -> None:
        expected = base64.b64encode(hmac.digest(key, raw, hashlib.sha256))
        if not hmac.compare_digest(expected, signature.encode("utf-8", "surrogateescape")):
            _refuse("the HMAC signature does not match the body")

    def _verify_jwt(self, raw: bytes, signature: str, cache: PublicKeyCache) -> None:
        key = cache.get()
        claims = self._decode(signature, key)
        if claims is None:
            other = cache.refresh(key)
            claims = self._decode(signature, other) if other is not None else None
        if claims is None:
            _refuse("the JWT signature is not Lago's")
        if not _is_current(claims):
            _refuse("the JWT is expired or not valid yet")
        if self._issuer is not None and claims.get("iss") != self._issuer:
            _refuse("the JWT was issued by somebody else")
        data = claims.get("data")
        if not isinstance(data, str) or not hmac.compare_digest(data.encode("utf-8", "surrogatepass"), raw):
            _refuse("the JWT signs another body than the one that came")

    def _decode(self, signature: str, key: RSAKey) -> dict[str, object] | None:
        try:
            return dict(jwt.decode(signature, key, algorithms=[ALGORITHM], registry=self._registry).claims)
        except (JoseError, ValueError, TypeError, RecursionError):
            return None


def _is_current(claims: dict[str, object]) -> bool:
    """Whether the times that the claims name allow it now; Lago names none, which is no reason to ignore one."""
    try:
        jwt.JWTClaimsRegistry(leeway=LEEWAY).validate(claims)
    except (JoseError, ValueError, TypeError, OverflowError):
        return False
    return True


def _refuse(why: str) -> NoReturn:
    raise SignatureRefused(f"The delivery was refused because {why}; nothing was stored.")
