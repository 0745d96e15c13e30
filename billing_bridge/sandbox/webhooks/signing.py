"""Signatures of webhooks: HMAC-SHA256 over the body, or a JWT (RS256) that carries the body."""

import base64
import hashlib
import hmac
import os
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import RSAKey

KEY_BITS = 2048


class Signer:
    """Holds the organisation's HMAC key and the deployment's RSA key."""

    def __init__(self, *, hmac_key: str, key_path: Path, issuer: str) -> None:
        self._hmac_key = hmac_key.encode()
        self._rsa = ensure_rsa_key(key_path)
        self._issuer = issuer

    def sign(self, algorithm: str, body: str) -> str:
        """The value of ``X-Lago-Signature``. The JWT has two claims only: data and iss; no id, no time."""
        if algorithm == "hmac":
            return base64.b64encode(hmac.new(self._hmac_key, body.encode(), hashlib.sha256).digest()).decode()
        return jwt.encode({"alg": "RS256"}, {"data": body, "iss": self._issuer}, self._rsa)

    @property
    def public_pem(self) -> bytes:
        """The RSA public key as PEM."""
        return self._rsa.as_pem(private=False)


def ensure_rsa_key(path: Path) -> RSAKey:
    """The key in ``path``, made and stored for its owner only when there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(RSAKey.generate_key(KEY_BITS).as_pem(private=True))
    return RSAKey.import_key(path.read_bytes())
