"""Password hashing: argon2id, bounded in memory, and equally slow for accounts that do not exist."""

from threading import BoundedSemaphore

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

# 19 MiB a hash and four at once: a flood of sign-ins costs time, never the machine's memory.
_hashing = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),))
_at_once = BoundedSemaphore(4)
_nobody = _hashing.hash("nobody has this password")


def hash_password(password: str) -> str:
    """The argon2id hash that is stored."""
    with _at_once:
        return _hashing.hash(password)


def verify_password(password: str, stored: str | None) -> tuple[bool, str | None]:
    """Whether it is right, and a new hash where the stored one is outdated.

    Without a stored hash it takes the same time and is wrong.
    """
    with _at_once:
        good, renewed = _hashing.verify_and_update(password, stored or _nobody)
    return (good, renewed) if stored else (False, None)
