"""Backups as they leave the host: encrypted in pieces, each proven; the format is docs/contracts/backup-format.md."""

import base64
import hashlib
import json
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from agent.commands.redact import Secret
from agent.host import files
from agent.stores.errors import SealBroken, SealKeyWrong

MAGIC = b"press-backup/1\n"
PIECE_BYTES = 1 << 20
KEY_BYTES = 32
NONCE_BYTES, TAG_BYTES = 12, 16
LENGTH = struct.Struct(">I")
NONCE = struct.Struct(">7xIB")
"""Number of the piece, and whether it is the last: each key opens one backup only, so numbers are never used twice."""
MOST_HEADER_BYTES = 64 << 10
WHOLE = "Nothing was restored from it. Choose another backup."


@dataclass(frozen=True)
class SealKey:
    """The key that wraps the keys of single backups. Its id says nothing about whose it is."""

    id: str
    text: Secret
    """32 bytes in URL-safe base64."""

    @property
    def cipher(self) -> AESGCM:
        """Raises :class:`SealKeyWrong` for what is no key."""
        try:
            raw = base64.urlsafe_b64decode(self.text.reveal())
        except ValueError:
            raw = b""
        if len(raw) != KEY_BYTES:
            raise SealKeyWrong(
                f"Key {self.id} of the backups is no key of 256 bits. Nothing was written or read."
            )
        return AESGCM(raw)


@dataclass(frozen=True)
class Digest:
    """Size and hex SHA-256."""

    size: int
    sha256: str


class _Meter:
    """Counts and hashes what passes."""

    def __init__(self) -> None:
        self._size, self._hash = 0, hashlib.sha256()

    def take(self, piece: bytes) -> bytes:
        self._size += len(piece)
        self._hash.update(piece)
        return piece

    @property
    def digest(self) -> Digest:
        return Digest(self._size, self._hash.hexdigest())


def seal(source: Path, destination: Path, key: SealKey) -> tuple[Digest, Digest]:
    """Encrypt a file with a key of its own, which ``key`` wraps. Returns what it was, and what it is now."""
    plain, sealed = _Meter(), _Meter()
    with source.open("rb") as reader:
        pieces = _seal_pieces(_pieces(reader, PIECE_BYTES), key, plain.take)
        files.write_durably(destination, map(sealed.take, pieces))
    return plain.digest, sealed.digest


def unseal(source: Path, key: SealKey, destination: Path | None = None) -> Digest:
    """Decrypt a file; without ``destination`` it is only proven. Returns what it holds.

    Raises :class:`SealBroken` for what was changed, cut or put together, and :class:`SealKeyWrong`.
    """
    plain = _Meter()
    with source.open("rb") as reader:
        pieces = map(plain.take, _unseal_pieces(reader, key))
        if destination is None:
            for _ in pieces:
                pass
        else:
            files.write_durably(destination, pieces)
    return plain.digest


def _pieces(reader: IO[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """Each piece, and whether it is the last; a file without content has one that is empty."""
    piece = reader.read(size)
    while True:
        following = reader.read(size) if len(piece) == size else b""
        yield piece, not following
        if not following:
            return
        piece = following


def _seal_pieces(
    pieces: Iterator[tuple[bytes, bool]], key: SealKey, take: Callable[[bytes], bytes]
) -> Iterator[bytes]:
    secret, wrap_nonce = os.urandom(KEY_BYTES), os.urandom(NONCE_BYTES)
    wrapped = wrap_nonce + key.cipher.encrypt(wrap_nonce, secret, _wrap_context(key.id))
    header = {"piece": PIECE_BYTES, "key": key.id, "wrapped": base64.b64encode(wrapped).decode()}
    raw = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
    head = MAGIC + LENGTH.pack(len(raw)) + raw
    yield head
    cipher, context = AESGCM(secret), hashlib.sha256(head).digest()
    for number, (piece, is_last) in enumerate(pieces):
        yield cipher.encrypt(NONCE.pack(number, is_last), take(piece), context)


def _unseal_pieces(reader: IO[bytes], key: SealKey) -> Iterator[bytes]:
    header, head = _read_header(reader)
    cipher, context = AESGCM(_unwrap(header, key)), hashlib.sha256(head).digest()
    sealed = _pieces(reader, int(header["piece"]) + TAG_BYTES)
    for number, (piece, is_last) in enumerate(sealed):
        try:
            yield cipher.decrypt(NONCE.pack(number, is_last), piece, context)
        except InvalidTag:
            raise SealBroken(
                f"The encrypted backup was changed or cut in its piece {number + 1}. {WHOLE}"
            ) from None


def _read_header(reader: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    try:
        start = reader.read(len(MAGIC) + LENGTH.size)
        (length,) = LENGTH.unpack(start[len(MAGIC) :])
        raw = reader.read(min(length, MOST_HEADER_BYTES))
        header = json.loads(raw)
        is_known = (
            start.startswith(MAGIC) and len(raw) == length and 0 < int(header["piece"]) <= PIECE_BYTES * 64
        )
        base64.b64decode(header["wrapped"], validate=True)
        str(header["key"])
    except (struct.error, ValueError, KeyError, TypeError):
        is_known = False
    if not is_known:
        raise SealBroken(f"This is no encrypted backup that this agent knows. {WHOLE}")
    return header, start + raw


def _unwrap(header: dict[str, Any], key: SealKey) -> bytes:
    wrapped = base64.b64decode(header["wrapped"])
    if header["key"] == key.id:
        try:
            return key.cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _wrap_context(key.id))
        except (InvalidTag, ValueError):
            pass
    raise SealKeyWrong(
        f"The backup does not open with key {key.id}. Nothing was restored from it. Send the job with the key that it names."
    )


def _wrap_context(key_id: str) -> bytes:
    return b"press-backup/1 key " + key_id.encode()
