"""Slow, endless, oversized and lying senders: each is told or hung up on, and nobody else notices."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from billing_bridge.api.protocol import REQUEST_SECONDS
from tests.billing_bridge.attack.target import Target, attacked, make_head, read_status
from tests.billing_bridge.builders import make_body, sign

BODY_SECONDS = 2.0
MAX_BYTES = 100_000
MAX_HEADERS = 20_000
GROWTH_KB = 8_000
"""What allocators may keep (PSS) after bombs of many megabytes."""
HEADERS = tuple(f"{name}: {value}" for name, value in sign(make_body()).items())


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    limits = {"webhook_max_bytes": MAX_BYTES, "webhook_max_header_bytes": MAX_HEADERS}
    with attacked(tmp_path, webhook_body_seconds=BODY_SECONDS, **limits) as made:
        yield made
        assert made.count_rows() == 0
        assert made.takes_a_genuine_one()


def drip(connection: socket.socket, data: bytes, *, seconds: float) -> float:
    """Send a byte at a time until the bridge answers or hangs up; how long that took."""
    begun = time.monotonic()
    connection.settimeout(0.1)
    for number in range(int(seconds * 10)):
        try:
            connection.sendall(data[number % len(data) :][:1])
            connection.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            continue
        except ConnectionError:
            pass
        return time.monotonic() - begun
    pytest.fail(f"the bridge listened to a slow sender for {seconds} s")


def test_a_slow_body_is_answered_when_its_time_is_over(target: Target) -> None:
    with socket.create_connection(("127.0.0.1", target.settings.port)) as connection:
        connection.sendall(make_head((*HEADERS, "Content-Length: 5000")))
        assert drip(connection, b"{", seconds=BODY_SECONDS + 20) >= BODY_SECONDS - 0.5
        assert read_status(connection) == 408
    assert target.count_unproven("body_too_slow") == 1


def test_a_slow_head_is_hung_up_on(target: Target) -> None:
    with socket.create_connection(("127.0.0.1", target.settings.port)) as connection:
        connection.sendall(b"POST /webhooks/lago HTTP/1.1\r\nHost: b\r\nX-Slow: ")
        assert drip(connection, b"a", seconds=REQUEST_SECONDS + 20) >= REQUEST_SECONDS - 1
        assert read_status(connection) is None


def test_a_connection_that_asks_nothing_is_hung_up_on(target: Target) -> None:
    with socket.create_connection(
        ("127.0.0.1", target.settings.port), timeout=REQUEST_SECONDS + 20
    ) as silent:
        assert read_status(silent) is None


def test_a_hundred_slow_senders_hold_up_nobody(target: Target) -> None:
    head = make_head((*HEADERS, "Content-Length: 5000"))
    slow = [socket.create_connection(("127.0.0.1", target.settings.port), timeout=60) for _ in range(100)]
    for connection in slow:
        connection.sendall(head)
    begun = time.monotonic()
    assert target.session.get(f"{target.url}/health", timeout=10).ok
    raw = b"{}"
    assert target.post(raw, sign(raw)).status_code == 400
    assert time.monotonic() - begun < BODY_SECONDS
    assert [read_status(connection) for connection in slow] == [408] * 100
    for connection in slow:
        connection.close()


@pytest.mark.parametrize("framing", ["Content-Length: 10485760", "Transfer-Encoding: chunked"])
def test_ten_megabytes_are_refused_and_not_kept(target: Target, framing: str) -> None:
    part = b"x" * 65_536
    piece = part if "Length" in framing else b"10000\r\n" + part + b"\r\n"
    before = target.read_memory()
    for _ in range(5):
        assert target.exchange(make_head((*HEADERS, framing)), *[piece] * 160) in {413, None}
    assert target.read_memory() - before < GROWTH_KB
    assert target.count_unproven("body_too_large") == 5


def test_chunks_without_end_are_hung_up_on(target: Target) -> None:
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", target.settings.port), timeout=60) as connection:
        connection.sendall(make_head((*HEADERS, "Transfer-Encoding: chunked")))
        begun = time.monotonic()
        try:
            while time.monotonic() - begun < REQUEST_SECONDS + 20:
                connection.sendall(chunk)
                time.sleep(0.02)
        except ConnectionError:
            return
    pytest.fail("the bridge listened to an endless body")


@pytest.mark.parametrize(
    "head",
    [
        b"".join(b"X-%d: %s\r\n" % (number, b"y" * 900) for number in range(20_000)),
        b"X-Long: " + b"y" * 20_000_000,
        b"y" * 20_000_000,
        b"X: y\r\n" * 3_000_000,
    ],
    ids=["many", "one value", "one name", "short ones"],
)
def test_a_header_bomb_is_refused_and_not_kept(target: Target, head: bytes) -> None:
    before = target.read_memory()
    assert target.exchange(b"POST /webhooks/lago HTTP/1.1\r\nHost: b\r\n", head, b"\r\n\r\n") in {
        400,
        431,
        None,
    }
    assert target.read_memory() - before < GROWTH_KB


@pytest.mark.parametrize(
    "tail",
    [
        b"0\r\n" + b"X-Trailer: y\r\n" * 1_000_000,
        b"0\r\nX-Trailer: " + b"y" * 20_000_000,
        b"1;" + b"e" * 20_000_000,
        b"1\r\n \r\n" * 2_000_000,
    ],
    ids=["trailers", "one trailer", "an extension", "tiny chunks"],
)
def test_a_bomb_in_the_framing_is_refused_and_not_kept(target: Target, tail: bytes) -> None:
    before = target.read_memory()
    head = make_head((*HEADERS, "Transfer-Encoding: chunked"))
    assert target.exchange(head, b"2\r\n{}\r\n", tail) in {400, 401, 408, 413, 431, None}
    assert target.read_memory() - before < GROWTH_KB


@pytest.mark.parametrize(
    ("headers", "body", "statuses"),
    [
        (("Content-Length: 1",), b"{}", {400, 401}),
        (("Content-Length: 5000",), b"{}", {408}),
        (("Content-Length: -1",), b"{}", {400}),
        (("Content-Length: 1e3",), b"{}", {400}),
        (("Content-Length: 99999999999999999999999",), b"{}", {400, 413}),
        (("Content-Length: \u0664",), b"{}", {400}),
        (("Content-Length: 2", "Content-Length: 3"), b"{}", {400}),
        (("Content-Length: 2", "Transfer-Encoding: chunked"), b"2\r\n{}\r\n0\r\n\r\n", {400}),
        (("Transfer-Encoding: gzip, chunked",), b"2\r\n{}\r\n0\r\n\r\n", {400, 401}),
        (("Transfer-Encoding: identity",), b"{}", {400, 401, 408}),
        (("Transfer-Encoding: chunked",), b"zz\r\n{}\r\n0\r\n\r\n", {400}),
        (("Transfer-Encoding: chunked",), b"ffffffffffffffffff\r\n{}", {400, 413}),
        ((), b"", {401}),
        (("Upgrade: websocket", "Connection: upgrade", "Content-Length: 2"), b"{}", {400, 401}),
        (("Expect: 100-continue", "Content-Length: 2"), b"{}", {100, 401}),
    ],
)
def test_a_lie_about_the_length_is_refused(
    target: Target, headers: tuple[str, ...], body: bytes, statuses: set[int]
) -> None:
    assert target.exchange(make_head((*HEADERS, *headers)), body) in statuses


@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/1.1\r\nHost: b\r\n\r\n",
        b"GET /webhooks/lago HTTP/1.1\r\nHost: b\r\n\r\n",
        b"DELETE /webhooks/lago HTTP/1.1\r\nHost: b\r\n\r\n",
        b"POST /webhooks/lago%00 HTTP/1.1\r\nHost: b\r\nContent-Length: 0\r\n\r\n",
        b"POST /webhooks/../webhooks/lago HTTP/1.1\r\nHost: b\r\nContent-Length: 0\r\n\r\n",
        b"POST http://[::1/webhooks/lago HTTP/1.1\r\nHost: b\r\n\r\n",
        b"POST /\xff\xfe HTTP/1.1\r\nHost: b\r\n\r\n",
        b"CONNECT b:443 HTTP/1.1\r\nHost: b\r\n\r\n",
        b"POST /webhooks/lago HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_a_strange_request_is_refused(target: Target, line: bytes) -> None:
    status = target.exchange(line)
    assert status is not None
    assert 400 <= status < 500


def test_a_gzip_bomb_stays_packed(target: Target) -> None:
    bomb = gzip.compress(b'{"a": "' + b"x" * 50_000_000 + b'"}')
    before = target.read_memory()
    assert target.post(bomb, sign(bomb) | {"Content-Encoding": "gzip"}).status_code == 400
    assert target.read_memory() - before < GROWTH_KB


def test_senders_that_hang_up_in_the_middle_leave_nothing(target: Target) -> None:
    def hang_up(_: int) -> None:
        with socket.create_connection(("127.0.0.1", target.settings.port)) as connection:
            connection.sendall(make_head((*HEADERS, "Content-Length: 5000")) + b"{")

    threads = [threading.Thread(target=hang_up, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.session.get(f"{target.url}/health", timeout=10).ok
