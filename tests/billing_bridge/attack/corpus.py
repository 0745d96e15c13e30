"""What a broken or a hostile sender may put into a body: wrong JSON, and wrong values at every key of a right one."""

import copy
import gzip
import json
import random
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

WRONG: tuple[Any, ...] = (
    None,
    True,
    -1,
    0.5,
    10**18,
    "",
    "\u0000",
    "../../etc",
    "' OR 1=1 --",
    "\u202eacme",
    "x" * 300,
    [],
    {},
    [None],
    [[1]],
    {"lago_id": {}},
)
"""Stands in for a value of any type; most of them are wrong wherever they stand."""
Path = tuple[str | int, ...]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
bodies = (
    st.binary(max_size=200)
    | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | json_values.map(lambda value: json.dumps(value).encode())
)


def list_broken_json(good: bytes) -> Iterator[bytes]:
    """No JSON, or JSON that must not be believed; nothing here may be stored."""
    yield from (b"", b" ", b"{", b"}", b"null", b"[]", b"0", b'"text"', b"{}", b"{'a': 1}", b"{,}", b"[1,]")
    yield from (b"\xff\xfe", b"\x00", b"\xef\xbb\xbf" + good, good.decode().encode("utf-16"), good + b"\x00")
    yield from (good[:-1], good + good, good + b",", good[1:], b"\n" + good[: len(good) // 2])
    yield from (b"[" * 100_000, b'{"a":' * 5_000, b"[" * 70 + b"]" * 70, b'{"a":' * 90 + b"1" + b"}" * 90)
    yield gzip.compress(b" " * 10_000_000)
    for value in (
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"-1e400",
        b"9" * 400,
        b"-" + b"9" * 5000,
        b"1" + b"0" * 19,
    ):
        yield insert(good, b'"evil": ' + value)
    for text in (
        rb'"\ud800"',
        rb'"\uDFFF\uD800"',
        b'"\xed\xa0\x80"',
        b'"\xc0\xaf"',
        b'"\x01"',
        rb'"\u12"',
        rb'"\x"',
    ):
        yield insert(good, b'"evil": ' + text)
    yield insert(good, rb'"\udc00": 1')
    yield insert(good, b'"deep": ' + b"[" * 70 + b"]" * 70)


def insert(good: bytes, member: bytes) -> bytes:
    """The object with one more member in front."""
    return b"{" + member + b", " + good[1:]


def list_wrong_types(body: dict[str, Any]) -> Iterator[bytes]:
    """Each key of a real body with each wrong value, and without the key."""
    for path in list_paths(body):
        for value in WRONG:
            yield json.dumps(replace(body, path, value)).encode()
        yield json.dumps(remove(body, path)).encode()


def list_paths(value: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, inner in members:
        yield from list_paths(inner, (*path, key))


def replace(body: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(body)
    find_parent(changed, path)[path[-1]] = value
    return changed


def remove(body: dict[str, Any], path: Path) -> dict[str, Any]:
    changed = copy.deepcopy(body)
    del find_parent(changed, path)[path[-1]]
    return changed


def find_parent(body: Any, path: Path) -> Any:
    for key in path[:-1]:
        body = body[key]
    return body


def list_flipped(body: bytes, count: int, seed: int) -> Iterator[bytes]:
    """The body with some of its bytes changed, taken away or doubled; the same for the same seed."""
    chance = random.Random(seed)
    for _ in range(count):
        changed = bytearray(body)
        for _ in range(chance.randint(1, 8)):
            at = chance.randrange(len(changed))
            changed[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        yield bytes(changed)
