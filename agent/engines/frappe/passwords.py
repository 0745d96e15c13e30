"""Passwords as Frappe keeps them: PBKDF2-SHA256 in passlib's modular format (``$pbkdf2-sha256$rounds$salt$checksum``)."""

import base64
import binascii
import hashlib
import hmac
import secrets

ROUNDS = 29_000
"""passlib's own default; Frappe hashes a password with another number anew at the next login."""
SALT_BYTES = 16
SCHEME = "pbkdf2-sha256"


def hash_password(password: str) -> str:
    salt = secrets.token_bytes(SALT_BYTES)
    return f"${SCHEME}${ROUNDS}${_encode(salt)}${_encode(_derive(password, salt, ROUNDS))}"


def is_password(password: str, known: str) -> bool:
    """Say whether the hash is the password's; False for what is no such hash."""
    try:
        empty, scheme, rounds, salt, checksum = known.split("$")
        if empty or scheme != SCHEME:
            return False
        return hmac.compare_digest(_derive(password, _decode(salt), int(rounds)), _decode(checksum))
    except (ValueError, binascii.Error):
        return False


def _derive(password: str, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)


def _encode(data: bytes) -> str:
    """Passlib's base 64: ``.`` for ``+``, without padding."""
    return base64.b64encode(data, b"./").decode("ascii").rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), b"./", validate=True)
