"""Signed requests: a short-lived JWT (EdDSA) bound to one audience, operation, job and body."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwa import EdDSAAlgorithm
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

from agent.credentials.errors import (
    CredentialExpired,
    CredentialMissing,
    CredentialRefused,
    CredentialReplayed,
    CredentialWrongAudience,
    CredentialWrongBody,
    CredentialWrongOperation,
)
from agent.host.clock import Clock

CONTROL_PLANE = "press"
LIFETIME = timedelta(seconds=60)
SKEW = timedelta(seconds=5)
MAX_TOKEN_CHARS = 4096


class _EdDSA(EdDSAAlgorithm):
    """The contract's name for Ed25519 signatures; RFC 9864 calls the same thing ``Ed25519`` and we accept that too."""

    security_warning = ""


class _Registry(JWSRegistry):
    """Knows the two names of one algorithm and nothing else, so that no header can choose another."""

    algorithms = {"EdDSA": _EdDSA(), "Ed25519": JWSRegistry.algorithms["Ed25519"]}  # noqa: RUF012 - joserfc's shape


ALGORITHMS = ("EdDSA", "Ed25519")
_REGISTRY = _Registry(algorithms=ALGORITHMS)


class ReplayStore(Protocol):
    """Remembers accepted tokens on disk."""

    def remember_credential(self, digest: str, expires_at: datetime) -> bool:
        """Store the digest until it expires. Returns False when it stood already."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a credential must say to be believed."""

    issuer: str
    audience: str
    operation: str
    body: bytes = b""
    job_id: str | None = None


def sign(key: OKPKey, claim: Claim, now: datetime) -> str:
    """Make the bearer token for one attempt of one request."""
    claims = {
        "iss": claim.issuer,
        "aud": claim.audience,
        "op": claim.operation,
        "jti": claim.job_id or secrets.token_hex(16),
        "nonce": secrets.token_urlsafe(16),
        "body_sha256": hashlib.sha256(claim.body).hexdigest(),
        "iat": int(now.timestamp()),
        "exp": int((now + LIFETIME).timestamp()),
    }
    return jwt.encode({"alg": "EdDSA"}, claims, key, registry=_REGISTRY)


class Verifier:
    """Believes a request once, and counts why others were not believed."""

    def __init__(self, replays: ReplayStore, clock: Clock, on_refused: Callable[[str], None]) -> None:
        self._replays = replays
        self._clock = clock
        self._on_refused = on_refused

    def verify(self, authorization: str | None, key: OKPKey, claim: Claim) -> None:
        """Check the ``Authorization`` header against the claim. Raises :class:`CredentialRefused`."""
        try:
            self._verify(_bearer(authorization), key, claim)
        except CredentialRefused as refused:
            self._on_refused(refused.code)
            raise

    def _verify(self, token: str, key: OKPKey, claim: Claim) -> None:
        claims = _decode(token, key)
        if claims.get("iss") != claim.issuer:
            raise CredentialRefused(
                f"The credential was not issued by {claim.issuer!r}. Nothing was touched."
            )
        if claims.get("aud") != claim.audience:
            raise CredentialWrongAudience("The credential is for another server. Nothing was touched.")
        expires_at = _check_times(claims, self._clock())
        if claims.get("op") != claim.operation:
            raise CredentialWrongOperation(
                f"The credential is not for {claim.operation!r}. Nothing was touched."
            )
        if claim.job_id is not None and claims.get("jti") != claim.job_id:
            raise CredentialWrongOperation("The credential is for another job. Nothing was touched.")
        if claims.get("body_sha256") != hashlib.sha256(claim.body).hexdigest():
            raise CredentialWrongBody("The credential is for another body. Nothing was touched.")
        if not self._replays.remember_credential(hashlib.sha256(token.encode()).hexdigest(), expires_at):
            raise CredentialReplayed("This credential was used before. Sign a new one for each attempt.")


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise CredentialMissing("The request carries no bearer credential. Nothing was touched.")
    return token.strip()


def _decode(token: str, key: OKPKey) -> dict[str, object]:
    if len(token) > MAX_TOKEN_CHARS:
        raise CredentialRefused("The credential is too long to be one. Nothing was touched.")
    try:
        return dict(jwt.decode(token, key, registry=_REGISTRY).claims)
    except (JoseError, ValueError, TypeError) as error:
        raise CredentialRefused("The credential's signature does not hold. Nothing was touched.") from error


def _check_times(claims: dict[str, object], now: datetime) -> datetime:
    issued, expires = claims.get("iat"), claims.get("exp")
    if type(issued) is not int or type(expires) is not int or not 0 < issued <= expires < 1 << 33:
        raise CredentialRefused("The credential does not say when it was made. Nothing was touched.")
    if expires - issued > LIFETIME.total_seconds():
        raise CredentialExpired("The credential was made to live longer than 60 s. Nothing was touched.")
    issued_at, expires_at = (datetime.fromtimestamp(seconds, now.tzinfo) for seconds in (issued, expires))
    if now > expires_at + SKEW:
        raise CredentialExpired(
            "The credential is too old. Check both clocks; sign a new one for each attempt."
        )
    if now < issued_at - SKEW:
        raise CredentialExpired("The credential is from the future. Check both clocks. Nothing was touched.")
    return expires_at + SKEW
