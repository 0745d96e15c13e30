"""A Docker engine for tests: one that is named, or one of our own whose layers are kept from run to run."""

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.host.docker_connection import DockerConnection
from agent.host.docker_errors import DockerUnreachable
from tests.factories.processes import wait_until

ROOT = Path(__file__).parents[2]
NAMED = "PRESS_TEST_DOCKER_URL"
BASE_IMAGE = "debian:bookworm-slim"
BRIDGE = "press-test0"
ADDRESS = "10.211.0.1/24"
POOL = "base=10.212.0.0/16,size=24"
RUN = Path("/run/press-test-docker")
STRICT = ("-o", "APT::Update::Error-Mode=any")
START_SECONDS = 30.0
BASE_SECONDS = 600.0


@dataclass
class Engine:
    """One that answers at ``url``; ours can be killed and started again."""

    url: str
    folder: Path | None = None
    """Where ours keeps its data; None for one that was named."""
    process: subprocess.Popen[bytes] | None = None

    def kill(self) -> None:
        """End it without warning, as the machine would under it. Skips the test for an engine of somebody else."""
        if self.process is None:
            pytest.skip(f"the engine that {NAMED} names is not ours to kill")
        self.process.kill()
        self.process.wait(30)
        # Its containerd dies with it; while that is still there, the next dockerd would wait for it instead of starting one.
        pid = (RUN / "exec" / "containerd" / "containerd.pid").read_text("ascii").strip()
        wait_until(lambda: not Path(f"/proc/{pid}").exists(), seconds=30, what="the end of containerd")

    def start(self) -> None:
        """Run our own, and wait until it answers."""
        assert self.folder is not None
        for left in ("pid", "docker.sock"):
            (RUN / left).unlink(missing_ok=True)
        log = self.folder / "dockerd.log"
        command = [
            "dockerd",
            *("--config-file", str(RUN / "daemon.json")),
            *("--data-root", str(self.folder / "data"), "--exec-root", str(RUN / "exec")),
            *("--pidfile", str(RUN / "pid"), "--host", self.url),
            *("--bridge", BRIDGE, "--default-address-pool", POOL),
        ]
        with log.open("w") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        self._wait(log)

    def _wait(self, log: Path) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            with closing(DockerConnection(self.url)) as connection:
                try:
                    connection.ping()
                except DockerUnreachable:
                    time.sleep(0.1)
                else:
                    return
        tail = "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-5:])
        pytest.skip(f"a Docker engine of our own does not start here:\n{tail}")


@contextmanager
def docker_engine(folder: Path = ROOT / "var" / "test-cache" / "docker") -> Iterator[Engine]:
    """Yield an engine with our base image in it. Skips the test where there is none and none can be started."""
    named = os.environ.get(NAMED)
    if named:
        yield Engine(named)
        return
    if shutil.which("dockerd") is None:
        pytest.skip("dockerd is not installed (Debian: docker.io)")
    if os.getuid() != 0:
        pytest.skip(f"a Docker engine of our own needs root; name a running one in {NAMED}")
    for each in (folder, RUN):
        each.mkdir(parents=True, exist_ok=True)
    with _alone(), _bridge():
        (RUN / "daemon.json").write_text("{}")
        engine = Engine(f"unix://{RUN / 'docker.sock'}", folder)
        try:
            engine.start()
            _ensure_base(engine.url)
            yield engine
        finally:
            if engine.process is not None:
                engine.process.terminate()
                engine.process.wait(60)


@contextmanager
def _alone() -> Iterator[None]:
    """One engine at a time: a second one would take the bridge and the socket away from the first, of whatever checkout it is."""
    with (RUN / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pytest.skip(f"another test session has the engine of {RUN}; name one of your own in {NAMED}")
        yield


@contextmanager
def _bridge() -> Iterator[None]:
    """A network of its own for the engine; another engine of this machine is left alone."""
    subprocess.run(["ip", "link", "del", BRIDGE], check=False, capture_output=True)
    for words in (
        ["ip", "link", "add", BRIDGE, "type", "bridge"],
        ["ip", "addr", "add", ADDRESS, "dev", BRIDGE],
        ["ip", "link", "set", BRIDGE, "up"],
    ):
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"no network for a Docker engine of our own can be made here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["ip", "link", "del", BRIDGE], check=False, capture_output=True)


def _ensure_base(url: str) -> None:
    done = subprocess.run(
        [str(ROOT / "scripts" / "make-base-image"), "bookworm", BASE_IMAGE],
        env={**os.environ, "DOCKER_HOST": url},
        check=False,
        capture_output=True,
        text=True,
        timeout=BASE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    looked = subprocess.run(
        ["docker", "--host", url, "run", "--rm", BASE_IMAGE, "apt-get", "update", "-q", *STRICT],
        check=False,
        capture_output=True,
        text=True,
        timeout=BASE_SECONDS,
    )
    if looked.returncode != 0:
        pytest.skip(
            f"containers of this engine have no way out to install anything: {looked.stderr.strip()[-200:]}"
        )
