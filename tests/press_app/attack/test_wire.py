"""A real ``press run api`` and what no client library would send: it refuses, stays quick for others, and does not grow."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr

from press_app.access import service as access
from press_app.bootstrap import bootstrap
from press_app.config import Settings
from press_app.kit.db import open_database
from press_app.migrations import runner
from tests.factories.processes import free_port, wait_until
from tests.factories.teams import PASSWORD, make_user

ROOT = Path(__file__).resolve().parents[3]
HEAD = b"Host: 127.0.0.1\r\nConnection: close\r\n"
SLOW = 150
"""Callers at once who never finish what they began to say."""
QUICK_SECONDS = 5.0
"""What somebody else may have to wait meanwhile; usually some milliseconds, but the machine may be busy."""
GROWTH_MIB = 40


@dataclass(frozen=True)
class Served:
    """One process of the API, and its files."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def say(self, raw: bytes) -> bytes:
        """All that comes back for these bytes; nothing when the server only hangs up."""
        with self.connect() as client:
            answer = b""
            try:
                client.sendall(raw)
                client.shutdown(socket.SHUT_WR)
                while piece := client.recv(65536):
                    answer += piece
            except OSError:
                pass  # It hung up in the middle, which is an answer, too.
            return answer

    def read_memory_mib(self) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text("utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024

    def is_quick(self) -> bool:
        started = time.monotonic()
        requests.get(f"{self.url}/ready", timeout=30)
        return time.monotonic() - started < QUICK_SECONDS


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, redis_server: str) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("wire")
    port = free_port()
    settings = Settings(
        port=port,
        public_url=f"http://127.0.0.1:{port}",
        database_url=f"sqlite:///{folder}/press.db",
        redis_url=redis_server,
        master_key=SecretStr("0" * 64),
        agent_key_file=folder / "agent-key.pem",
        edge_dynamic_file=folder / "edge" / "dynamic" / "sites.yml",
    )
    database = open_database(settings.database_url)
    runner.upgrade(database)
    runtime = bootstrap(settings, database=database)
    with runtime.work.begin(actor="test") as uow:
        make_user(uow, email="owner@x.example", password=PASSWORD)
        secret = access.create_token(uow, name="t", scopes=["operator"]).secret
    database.dispose()
    (folder / "token").write_text(secret)
    options = settings.model_dump()
    options["master_key"] = "0" * 64
    environment = {f"PRESS_{name.upper()}": str(value) for name, value in options.items()}
    log = folder / "log"
    argv = (sys.executable, "-m", "press_app.cli", "run", "api")
    with log.open("wb") as stream:
        process = subprocess.Popen(
            argv, cwd=ROOT, stdout=stream, stderr=stream, env={"PATH": os.environ["PATH"], **environment}
        )
    served = Served(port, log, process)
    try:
        wait_until(lambda: answers(served), seconds=60, what=f"the API: {log.read_text()[-500:]}")
        yield served
    finally:
        process.terminate()
        process.wait(30)


def answers(api: Served) -> bool:
    try:
        return requests.get(f"{api.url}/health", timeout=2).ok
    except requests.RequestException:
        return False


RAW: dict[str, bytes] = {
    "nothing": b"",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
    "no version": b"GET /\r\n\r\n",
    "an odd method": b"G\x00T / HTTP/1.1\r\n" + HEAD + b"\r\n",
    "a blank in a header's name": b"GET /v1/plans HTTP/1.1\r\n" + HEAD + b"X Y: z\r\n\r\n",
    "NUL in a header": b"GET /v1/me HTTP/1.1\r\n" + HEAD + b"Authorization: Bearer a\x00b\r\n\r\n",
    "a folded header": b"GET /v1/me HTTP/1.1\r\n" + HEAD + b"X-A: b\r\n c: d\r\n\r\n",
    "two lengths": b"POST /v1/sessions HTTP/1.1\r\n"
    + HEAD
    + b"Content-Length: 1\r\nContent-Length: 9\r\n\r\nx",
    "length and chunks": b"POST /v1/sessions HTTP/1.1\r\n"
    + HEAD
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/me HTTP/1.1\r\n\r\n",
    "a negative length": b"POST /v1/sessions HTTP/1.1\r\n" + HEAD + b"Content-Length: -5\r\n\r\n",
    "a length in words": b"POST /v1/sessions HTTP/1.1\r\n" + HEAD + b"Content-Length: ten\r\n\r\n",
    "a bad chunk": b"POST /v1/sessions HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nx",
    "an endless chunk": b"POST /v1/sessions HTTP/1.1\r\n"
    + HEAD
    + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\nx",
    "too long an address": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n" + HEAD + b"\r\n",
    "too large a header": b"GET / HTTP/1.1\r\n" + HEAD + b"X-A: " + b"a" * 200_000 + b"\r\n\r\n",
    "five thousand headers": b"GET / HTTP/1.1\r\n"
    + HEAD
    + b"".join(b"X-%d: y\r\n" % n for n in range(5000))
    + b"\r\n",
    "a made-up log line": b'GET /%0a{"event":"forged"} HTTP/1.1\r\n' + HEAD + b"\r\n",
    "half a percent": b"GET /v1/sites/%ZZ%f%00 HTTP/1.1\r\n" + HEAD + b"\r\n",
    "a foreign address": b"GET http://evil.example/v1/plans HTTP/1.1\r\n" + HEAD + b"\r\n",
    "a foreign upgrade": b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n",
}


@pytest.mark.parametrize("raw", RAW.values(), ids=RAW)
def test_bytes_that_are_no_good_request(api: Served, raw: bytes) -> None:
    answer = api.say(raw)
    status = answer.partition(b"\r\n")[0]
    assert not answer or status.startswith((b"HTTP/1.1 4", b"HTTP/1.1 2")), answer[:300]
    assert answer.count(b"HTTP/1.1 ") <= 1, "a second request was found in the first"
    assert answers(api)


def test_callers_who_never_finish_hold_nobody_up(api: Served) -> None:
    before = api.read_memory_mib()
    begun = b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n"
    with ExitStack() as stack:
        slow = [stack.enter_context(api.connect()) for _ in range(SLOW)]
        for number, client in enumerate(slow):
            # Some stop inside the headers, some inside the body.
            client.sendall(begun if number % 2 else begun + b'\r\n{"email": "')
        for _ in range(5):
            assert api.is_quick()
            for client in slow:
                client.sendall(b"x")
        assert api.read_memory_mib() - before < GROWTH_MIB
    assert api.is_quick()


def test_large_bodies_are_refused_without_being_kept(api: Served) -> None:
    before = api.read_memory_mib()

    def send(number: int) -> int:
        if number % 2:
            head = b"POST /v1/sessions HTTP/1.1\r\n" + HEAD + b"Content-Length: 50000000\r\n\r\n"
            return int(api.say(head)[9:12])

        def pieces() -> Iterator[bytes]:
            for _ in range(200):
                yield b"x" * 65536

        try:
            return requests.post(f"{api.url}/v1/sessions", data=pieces(), timeout=60).status_code
        except requests.ConnectionError:
            return 413  # It hung up in the middle of what was too much.

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(send, range(40))) == {413}
    assert api.read_memory_mib() - before < GROWTH_MIB
    assert answers(api)


def test_a_flood_is_slowed_by_address_and_told_when_to_come_back(api: Served) -> None:
    """The owner is not shut out by it: whoever proves himself has a count of his own."""
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda _: requests.get(f"{api.url}/v1/plans", timeout=60), range(400)))
    refused = [answer for answer in seen if answer.status_code == 429]
    assert {answer.status_code for answer in seen} == {200, 429}
    assert refused
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    token = (api.log.parent / "token").read_text()
    mine = requests.get(f"{api.url}/v1/me", headers={"Authorization": f"Bearer {token}"}, timeout=60)
    assert mine.status_code == 200


def test_the_log_is_lines_of_json_and_tells_of_no_crash(api: Served) -> None:
    """Last, so that it reads what all the others left."""
    lines = api.log.read_text("utf-8").splitlines()
    assert len(lines) > 100
    assert not [line for line in lines if line.startswith('{"event":"forged"')]
    assert all(line.startswith("{") and line.endswith("}") for line in lines if line)
    assert not [line for line in lines if "Traceback" in line or '"level": "critical"' in line]
