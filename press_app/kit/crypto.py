"""Secrets at rest, token hashes and signing keys."""

import base64
import hashlib
import hmac
import os
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from press_app.errors import PressError

NONCE_BYTES = 12


class SecretUnreadable(PressError):
    """The stored ciphertext does not open with this key, or was moved to another row."""

    code = "secret_unreadable"


class Vault:
    """AES-256-GCM with the row's own name as associated data, so that a ciphertext cannot change rows."""

    def __init__(self, master_key: bytes) -> None:
        self._aead = AESGCM(hashlib.sha256(b"press/vault/1" + master_key).digest())

    def seal(self, plain: str, name: str) -> bytes:
        """Encrypt ``plain`` for the place called ``name`` (``site/<id>/admin-password``)."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain.encode(), name.encode())

    def open(self, sealed: bytes, name: str) -> str:
        """Decrypt. Raises :class:`SecretUnreadable`."""
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode()).decode()
        except (InvalidTag, ValueError):
            message = (
                f"The secret {name} does not open with this master key. Nothing was changed. "
                "Give the control plane the master key it was written with."
            )
            raise SecretUnreadable(message, secret=name) from None


def new_token(prefix: str) -> str:
    """A random bearer token, 256 bits, recognisable by its prefix."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def new_password() -> str:
    """A random password that people can copy, about 119 bits."""
    return secrets.token_urlsafe(15)


def new_key() -> str:
    """A random key of 256 bits, in URL-safe base64."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def fingerprint(token: str) -> str:
    """What is stored of a high-entropy token: its SHA-256, hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_same(left: str, right: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def b64(data: bytes) -> str:
    """URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """The inverse of :func:`b64`; raises ``ValueError`` on other text."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
