"""Our supervisord: it forks our own programs, with the libraries loaded already, instead of starting an interpreter for each.

Two thirds of a Python program's memory and most of its start are its libraries. What is loaded here once is shared by all
programs, until one of them writes to it. Only libraries are loaded: a mistake in our own code must not keep Redis and the
edge from running, and a program that is restarted runs the code that is there then.

Everything else is the library's: when to start, stop, restart and give up. ``Options.execve`` is its last step in a child.
"""

import atexit
import gc
import os
import runpy
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from setproctitle import setproctitle
from supervisor import supervisord
from supervisor.options import ServerOptions

from scripts.bringup.programs import OURS, WITH_ENV

LIBRARIES = (
    "asgi_correlation_id",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "cryptography.fernet",
    "fastapi.openapi.utils",
    "joserfc.jwt",
    "jinja2",
    "orjson",
    "prometheus_client",
    "pwdlib.hashers.argon2",
    "pydantic_settings",
    "redis",
    "requests",
    "rich.traceback",
    "rq.serializers",
    "sqlalchemy.dialects.sqlite",
    "sqlalchemy.orm",
    "stamina",
    "starlette.middleware.body_limit",
    "structlog",
    "typer",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.h11_impl",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
)
"""What two or more programs import; none of them starts a thread or opens a file while it is imported."""

STARTING = ("PYTHON", "LD_", "MALLOC_")
"""Variables that only a new interpreter reads."""
DIED_OF_ERROR = 1


class Options(ServerOptions):  # type: ignore[misc]
    """Supervisor's, but for how a child becomes its program."""

    def execve(self, filename: str, argv: list[str], env: Mapping[str, str]) -> None:
        """Become the program: by a module of ours in this process, else by the kernel as always."""
        variables, command = read_command(argv)
        is_ours = command[:2] == [sys.executable, "-m"] and command[2].startswith(OURS)
        if not is_ours or any(name.startswith(STARTING) for name in variables):
            os.execve(filename, argv, env)
        # First, while the environment still stands where the kernel put it: the title takes its place.
        setproctitle(make_title(env["SUPERVISOR_PROCESS_NAME"], command[2:], env["SUPERVISOR_SERVER_URL"]))
        os.environ.clear()
        os.environ.update({**env, **variables})
        _become(command[2], command[3:])


def read_command(argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """What ``with-env FILE`` in front of a command would set, and the command itself."""
    variables: dict[str, str] = {}
    command = list(argv)
    while command[0] == str(WITH_ENV):
        lines = Path(command[1]).read_text(encoding="utf-8").splitlines()
        variables |= dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        command = command[2:]
    return variables, command


def make_title(name: str, command: Sequence[str], server: str) -> str:
    """What ``ps`` shows; whose it is stands at its end, see ``orphans``."""
    return f"{name}: {' '.join(command)} of {server}"


def _become(module: str, arguments: Sequence[str]) -> NoReturn:
    """Do what an interpreter does that was started with ``-m module``, and end this process."""
    for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [module, *arguments]
    status = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = _status_of(end)
    except BaseException:  # noqa: BLE001 - the last frame of this process: what an interpreter prints, it prints.
        sys.excepthook(*sys.exc_info())
        status = DIED_OF_ERROR
    finally:
        _leave(status)


def _status_of(end: SystemExit) -> int:
    if isinstance(end.code, str):
        sys.stderr.write(f"{end.code}\n")
        return DIED_OF_ERROR
    return end.code or 0


def _leave(status: int) -> NoReturn:
    """End as an interpreter ends, but without the frames of supervisord below this one; Python has no public word for it."""
    with suppress(Exception):
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001
        atexit._run_exitfuncs()  # noqa: SLF001
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def main() -> None:
    """Run until told to stop. A library that cannot be loaded is loaded by the programs that need it, and fails there."""
    for name in LIBRARIES:
        with suppress(ImportError):
            import_module(name)
    # What stands now is never looked at by the collector again, which would write to it, and so copy it, in each child.
    gc.collect()
    gc.freeze()
    supervisord.ServerOptions = Options
    supervisord.main()


if __name__ == "__main__":
    main()
