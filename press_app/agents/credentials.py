"""Ed25519 request credentials between control plane and agents (docs/contracts/agent.md)."""

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwa import EdDSAAlgorithm
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

from press_app.errors import Unauthorized
from press_app.kit.crypto import unb64
from press_app.kit.ids import new_id

CONTROL_PLANE = "press"
LIFETIME = timedelta(seconds=45)
MAX_LIFETIME_SECONDS = 60
SKEW_SECONDS = 5


class _EdDSA(EdDSAAlgorithm):
    """The contract's name of Ed25519 signatures; without the library's warning about the age of that name."""

    security_warning = ""


class _Registry(JWSRegistry):
    """Knows the two names of one algorithm and nothing else, so that no header can choose another."""

    algorithms = {"EdDSA": _EdDSA(), "Ed25519": JWSRegistry.algorithms["Ed25519"]}  # noqa: RUF012 - joserfc's shape


_REGISTRY = _Registry(algorithms=["EdDSA", "Ed25519"])


class CredentialRefused(Unauthorized):
    """The request's credential does not stand; ``code`` says why."""

    code = "credential_invalid"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} Nothing was changed.")
        self.code = code  # type: ignore[misc]  # one class, the codes of the contract


@dataclass(frozen=True)
class Accepted:
    """A credential that stands; the receiver must remember ``token_hash`` until ``expires_at``."""

    claims: dict[str, object]
    token_hash: str
    expires_at: int


def ensure_key(path: Path) -> OKPKey:
    """The control plane's private key; made at the first call, readable by its owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        key = OKPKey.generate_key("Ed25519")
        temporary = path.with_suffix(f".{new_id()}")
        temporary.touch(mode=0o600)
        temporary.write_bytes(key.as_pem(private=True))
        # A second process that came at the same time must not replace the key of the first.
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return OKPKey.import_key(path.read_text())


def sign(key: OKPKey, *, audience: str, operation: str, token_id: str, body: bytes, now: datetime) -> str:
    """A token for one request."""
    issued = int(now.timestamp())
    claims = {
        "iss": CONTROL_PLANE,
        "aud": audience,
        "op": operation,
        "jti": token_id,
        "nonce": secrets.token_hex(8),
        "body_sha256": hashlib.sha256(body).hexdigest(),
        "iat": issued,
        "exp": issued + int(LIFETIME.total_seconds()),
    }
    return jwt.encode({"alg": "EdDSA"}, claims, key, registry=_REGISTRY)


def verify(
    token: str, *, key_of: Callable[[str], OKPKey | None], operation: str, body: bytes, now: datetime
) -> Accepted:
    """Check an agent's token. ``key_of`` gives the public key of the server that the token names.

    Raises :class:`CredentialRefused`. The caller still has to refuse a replay.
    """
    try:
        issuer = _claims_unverified(token).get("iss")
        key = key_of(issuer) if isinstance(issuer, str) else None
        claims = jwt.decode(token, key, registry=_REGISTRY).claims if key is not None else None
    except (JoseError, ValueError, RecursionError):
        claims = None
    if claims is None:
        raise CredentialRefused("credential_invalid", "The credential is not signed by an enrolled agent.")
    _check_time(claims, int(now.timestamp()))
    if claims.get("aud") != CONTROL_PLANE:
        raise CredentialRefused("credential_wrong_audience", "The credential is for somebody else.")
    if claims.get("op") != operation:
        raise CredentialRefused("credential_wrong_operation", "The credential is for another operation.")
    if claims.get("body_sha256") != hashlib.sha256(body).hexdigest():
        raise CredentialRefused("credential_wrong_body", "The credential is for another body.")
    return Accepted(claims, hashlib.sha256(token.encode()).hexdigest(), _number(claims.get("exp")))


def _claims_unverified(token: str) -> dict[str, object]:
    parts = token.split(".")
    payload = json.loads(unb64(parts[1])) if len(parts) == 3 else {}  # noqa: PLR2004 - a JWS has three parts
    return payload if isinstance(payload, dict) else {}


def _check_time(claims: dict[str, object], now: int) -> None:
    issued, expires = _number(claims.get("iat")), _number(claims.get("exp"))
    if not 0 < expires - issued <= MAX_LIFETIME_SECONDS:
        raise CredentialRefused("credential_invalid", "The credential lives too long.")
    if now > expires + SKEW_SECONDS or now < issued - SKEW_SECONDS:
        raise CredentialRefused(
            "credential_expired", "The credential is not valid now; check the host's clock."
        )


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise CredentialRefused("credential_invalid", "The credential has no times.")
    return value
