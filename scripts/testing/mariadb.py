"""A private MariaDB for one test run: own data folder, own port, nothing of Debian's service is touched."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pymysql

START_SECONDS = 60.0
STOP_SECONDS = 30.0
USER = "press"
PASSWORD = "press"
FAST = (
    "--innodb-flush-log-at-trx-commit=0",
    "--sync-binlog=0",
    "--skip-log-bin",
    "--innodb-buffer-pool-size=128M",
    "--performance-schema=OFF",
    "--skip-name-resolve",
)


class MariaDBFailed(Exception):
    """The server could not be started; the message carries the end of its log."""


def find_programs() -> tuple[str, str] | None:
    """Paths of the server and of the program that makes its data folder; None when not installed."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    server, install = shutil.which("mariadbd", path=path), shutil.which("mariadb-install-db", path=path)
    return (server, install) if server and install else None


@contextmanager
def run_mariadb(folder: Path) -> Iterator[str]:
    """A server with an empty data folder; yields its URL, of a user who may make databases. Raises MariaDBFailed."""
    programs = find_programs()
    if programs is None:
        raise MariaDBFailed("mariadbd is not installed")
    server, install = programs
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    user = pwd.getpwuid(os.getuid()).pw_name
    log = folder / "log"
    _install(install, folder / "data", user, log)
    with tempfile.TemporaryDirectory(prefix="press-mariadb-") as socket_folder:
        socket_path, port = Path(socket_folder) / "s", _find_free_port()
        command = [
            server,
            "--no-defaults",
            f"--user={user}",
            f"--datadir={folder / 'data'}",
            f"--socket={socket_path}",
        ]
        command += [f"--port={port}", "--bind-address=127.0.0.1", f"--pid-file={folder / 'pid'}", *FAST]
        with log.open("a") as stream:
            process = subprocess.Popen(
                command, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            _wait_and_grant(process, socket_path, log)
            yield f"mysql+pymysql://{USER}:{PASSWORD}@127.0.0.1:{port}"
        finally:
            _stop(process)
    shutil.rmtree(folder, ignore_errors=True)


def _install(program: str, data: Path, user: str, log: Path) -> None:
    command = [program, "--no-defaults", f"--user={user}", f"--datadir={data}", "--skip-test-db"]
    with log.open("w") as stream:
        done = subprocess.run(
            [*command, "--auth-root-authentication-method=normal"],
            stdout=stream,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        raise MariaDBFailed(_tail(log))


def _wait_and_grant(process: subprocess.Popen[bytes], socket_path: Path, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if not _accepts(socket_path):
            time.sleep(0.1)
            continue
        with pymysql.connect(unix_socket=str(socket_path), user="root") as root, root.cursor() as cursor:
            cursor.execute(f"CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
            cursor.execute(f"GRANT ALL PRIVILEGES ON *.* TO {USER}@'127.0.0.1'")
        return
    raise MariaDBFailed(_tail(log))


def _accepts(socket_path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(socket_path)) == 0


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tail(log: Path, lines: int = 8) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def environment(url: str | None) -> Mapping[str, str]:
    return {"PRESS_TEST_MARIADB_URL": url} if url else {}
