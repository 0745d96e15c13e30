"""Identifiers: time-ordered UUIDs (RFC 9562, version 7), so that keyset pagination by id is by age."""

import os
import time
import uuid


def new_id() -> str:
    """A new lower-case UUIDv7."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | (random >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | random & (1 << 62) - 1
    return str(uuid.UUID(int=value))
