"""A real S3 for tests: SeaweedFS on loopback, its other doors locked."""

import json
import secrets
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config

from agent.commands.redact import Secret
from agent.stores.s3 import S3Store
from agent.stores.s3_connection import S3Options
from tests.factories.processes import free_port, wait_until

KEY_ID, KEY = "press-host", "key-of-the-test-host"
PORTS = (
    "master",
    "master.port.grpc",
    "volume",
    "volume.port.grpc",
    "filer",
    "filer.port.grpc",
    "s3",
    "s3.port.grpc",
)
START_SECONDS = 60.0
PROGRAM = Path(sys.executable).with_name("weed")


class ObjectStore:
    """One server; killed and started again it holds what it held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = {name: free_port() for name in PORTS}
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "data").mkdir(parents=True)
        actions = {
            "name": "press",
            "credentials": [{"accessKey": KEY_ID, "secretKey": KEY}],
            "actions": ["Admin"],
        }
        (folder / "s3.json").write_text(json.dumps({"identities": [actions]}))
        # Without keys of its own the filer lets anybody delete what is locked.
        doors = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
        lines = [f'[{door}]\nkey = "{secrets.token_hex(16)}"\n' for door in doors]
        (folder / "security.toml").write_text("".join(lines))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._ports['s3']}"

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._argv(), cwd=self._folder, stdout=log, stderr=log, env={"HOME": str(self._folder)}
            )
        wait_until(self._answers, seconds=START_SECONDS, what="the object store's first answer")

    def kill(self) -> None:
        """SIGKILL, as a power cut would; nothing of it waits for an end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def client(self) -> Any:
        """What somebody with the keys may do."""
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=KEY,
            config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
        )

    def make_bucket(self, *, is_lockable: bool = False) -> str:
        bucket = f"b-{uuid.uuid4()}"
        self.client().create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=is_lockable)
        return bucket

    def options(self, bucket: str, **changed: Any) -> S3Options:
        usual = {
            "bucket": bucket,
            "prefix": "host-1",
            "endpoint": self.url,
            "key_id": KEY_ID,
            "key": Secret(KEY),
        }
        return S3Options(**{**usual, **changed})

    def store(self, bucket: str, **changed: Any) -> S3Store:
        return S3Store(self.options(bucket, **changed))

    def ask_filer(self, method: str, path: str) -> int:
        """What the server's other door answers to somebody without keys."""
        url = f"http://127.0.0.1:{self._ports['filer']}{path}"
        return requests.request(method, url, timeout=10).status_code

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
        try:
            return requests.get(f"{self.url}/readyz", timeout=2).ok
        except requests.RequestException:
            return False

    def _argv(self) -> tuple[str, ...]:
        ports = (
            word
            for name, port in self._ports.items()
            for word in (f"-{name if '.' in name else f'{name}.port'}", str(port))
        )
        return (
            *(str(PROGRAM), "-logtostderr=true", "server", f"-dir={self._folder / 'data'}"),
            *(
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                "-filer",
                "-s3",
                f"-s3.config={self._folder / 's3.json'}",
            ),
            *(
                "-s3.autoCreateBucket=false",
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                "-master.telemetry=false",
            ),
            # Each bucket takes some volumes, and none may reserve more of the disk than it fills.
            *("-volume.max=500", "-master.volumeSizeLimitMB=128", "-volume.minFreeSpace=1MiB"),
            *ports,
        )


@contextmanager
def running_object_store(folder: Path) -> Iterator[ObjectStore]:
    """A server for the block."""
    store = ObjectStore(folder)
    try:
        store.start()
        yield store
    finally:
        store.kill()
