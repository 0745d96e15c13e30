"""A real bridge process that may be attacked: its socket, its memory, its figures, its rows."""

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from billing_bridge.config import Settings
from billing_bridge.db import inbox, make_engine
from billing_bridge.migrations.schema import upgrade_database
from tests.bench.acks import is_up
from tests.billing_bridge.builders import HMAC_KEY, ORGANIZATION, make_body, sign
from tests.billing_bridge.conftest import find_free_port, wait_until
from tests.billing_bridge.processes import running

PATH = "/webhooks/lago"
ANSWER_SECONDS = 30.0


@dataclass
class Target:
    """A `press-bridge run api` with a database of its own."""

    settings: Settings
    pid: int
    engine: sa.Engine
    log: Path
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def post(self, raw: bytes, headers: dict[str, str]) -> requests.Response:
        return self.session.post(f"{self.url}{PATH}", data=raw, headers=headers, timeout=ANSWER_SECONDS)

    def count_rows(self) -> int:
        with self.engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(inbox)) or 0

    def count_unproven(self, code: str) -> float:
        """How many deliveries were refused with `code`, by the bridge's own figures."""
        text = self.session.get(f"{self.url}/metrics", timeout=ANSWER_SECONDS).text
        pattern = rf'^press_bridge_webhooks_received_total{{outcome="{code}",type="unproven"}} (\S+)$'
        found = re.search(pattern, text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def read_memory(self) -> int:
        """The process's share of memory (PSS) in kB."""
        text = Path(f"/proc/{self.pid}/smaps_rollup").read_text("ascii")
        found = re.search(r"^Pss:\s+(\d+) kB$", text, re.MULTILINE)
        assert found is not None
        return int(found[1])

    def takes_a_genuine_one(self) -> bool:
        """Whether the next webhook of Lago's is stored at once."""
        before = self.count_rows()
        raw = make_body()
        answer = self.post(raw, sign(raw))
        return (answer.status_code, answer.json().get("received")) == (200, "new") and (
            self.count_rows() == before + 1
        )

    def exchange(self, *parts: bytes, seconds: float = ANSWER_SECONDS) -> int | None:
        """Send bytes as they are; the status of the first answer, None when the bridge hung up without one."""
        with socket.create_connection(("127.0.0.1", self.settings.port), timeout=seconds) as connection:
            try:
                for part in parts:
                    connection.sendall(part)
            except ConnectionError:
                pass  # The bridge may hang up before the end; what it answered can still be read.
            return read_status(connection)


def read_status(connection: socket.socket) -> int | None:
    received = b""
    try:
        while b"\r\n" not in received:
            part = connection.recv(65_536)
            if not part:
                return None
            received += part
    except ConnectionError:
        return None
    return int(received.split(b" ", 2)[1])


@contextmanager
def attacked(folder: Path, **options: Any) -> Iterator[Target]:
    """The process until the block ends; its log must hold no traceback."""
    settings = Settings.model_validate(
        {
            "port": find_free_port(),
            "database_url": f"sqlite:///{folder}/bridge.db",
            "redis_url": "redis://127.0.0.1:1/0",
            "lago_organization_id": ORGANIZATION,
            "webhook_hmac_key": HMAC_KEY,
        }
        | options
    )
    upgrade_database(settings.database_url)
    log, engine = folder / "api.log", make_engine(settings.database_url)
    with running("run", "api", settings=settings, log=log) as process:
        wait_until(lambda: is_up(settings.port), seconds=60, what="the bridge's API")
        target = Target(settings, process.pid, engine, log)
        yield target
        target.session.close()
        assert process.poll() is None, "the bridge died"
    engine.dispose()
    text = log.read_text("utf-8")
    assert "Traceback" not in text
    assert '"event": "unexpected"' not in text


def make_request(raw: bytes, headers: dict[str, str]) -> bytes:
    """One whole HTTP request on a kept connection."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {PATH} HTTP/1.1\r\nHost: b\r\nContent-Length: {len(raw)}\r\n{lines}\r\n".encode() + raw


def make_head(headers: Sequence[str]) -> bytes:
    return "\r\n".join((f"POST {PATH} HTTP/1.1", "Host: b", *headers, "", "")).encode()
