"""Our supervisord: it forks our own programs, with everything loaded already, instead of starting an interpreter for each.

Most of a Python program's memory, and of its start, is what it imports. What is loaded here once is shared by all programs,
until one of them writes to it. A restarted program runs the code that was there at the start, as the others do; ``up`` starts
everything anew when the code has changed. What cannot be imported is left to the program that needs it, and fails there:
a mistake in one program must not keep Redis and the edge from running.

Everything else is the library's: when to start, stop, restart and give up. ``Options.execve`` is its last step in a child.
"""

import atexit
import gc
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import typer
from setproctitle import setproctitle
from sqlalchemy.orm import configure_mappers
from supervisor import supervisord
from supervisor.options import ServerOptions

from scripts.bringup.programs import ENTRIES, WITH_ENV

LOADED = (
    *ENTRIES.values(),
    "agent.api.app",
    "agent.api.server",
    "agent.host.logs",
    "agent.jobs.worker",
    "billing_bridge.api.app",
    "billing_bridge.api.protocol",
    "billing_bridge.api.server",
    "billing_bridge.lago.endpoints",
    "billing_bridge.logs",
    "press_app.api.app",
    "press_app.api.server",
    "press_app.bootstrap",
    "press_app.kit.logs",
    "press_app.work.ticker",
    "press_app.work.worker",
    "sqlalchemy.dialects.sqlite",
    "uvicorn.lifespan.on",
    "uvloop",
)
"""What programs import, theirs and the libraries'. None of it starts a thread or opens anything while it is imported."""

STARTING = ("PYTHON", "LD_", "MALLOC_")
"""Variables that only a new interpreter reads."""
DIED_OF_ERROR = 1
READ: dict[tuple[str, ...], Callable[[], None]] = {}
"""Module and arguments of each configured program of ours, and what it will do."""


class Options(ServerOptions):  # type: ignore[misc]
    """Supervisor's, but for how a child becomes its program."""

    def realize(self, *arguments: Any, **named: Any) -> None:
        """Read the configuration, and at once the arguments of all our programs in it: in a child that costs memory."""
        super().realize(*arguments, **named)
        for group in self.process_group_configs:
            for process in group.process_configs:
                with suppress(OSError):
                    _, command = read_command(shlex.split(process.command))
                    if is_ours(command):
                        READ[tuple(command[2:])] = read_arguments(command[2], command[3:])
        freeze()

    def execve(self, filename: str, argv: list[str], env: Mapping[str, str]) -> None:
        """Become the program: by a module of ours in this process, else by the kernel as always."""
        variables, command = read_command(argv)
        if not is_ours(command) or any(name.startswith(STARTING) for name in variables):
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


def is_ours(command: Sequence[str]) -> bool:
    """Whether the command is one of our modules, to be run by this interpreter."""
    return list(command[:2]) == [sys.executable, "-m"] and command[2] in ENTRIES


def read_arguments(module: str, arguments: Sequence[str]) -> Callable[[], None]:
    """What a program will do, with its arguments read; a program that has other ones than ``run …`` reads them itself."""
    with suppress(Exception, SystemExit):
        entry = import_module(ENTRIES[module])
        word, name, *options = arguments
        if word == "run":
            command = typer.main.get_group(entry.run).commands[name]
            context = command.make_context(f"{module} run {name}", options)

            def go() -> None:
                with entry.telling(arguments), context:
                    command.invoke(context)

            return go
    return lambda: import_module(ENTRIES[module]).main()


def make_title(name: str, command: Sequence[str], server: str) -> str:
    """What ``ps`` shows; whose it is stands at its end, see ``orphans``."""
    return f"{name}: {' '.join(command)} of {server}"


def _become(module: str, arguments: Sequence[str]) -> NoReturn:
    """Do what an interpreter does that was started with ``-m module``, with the code that is loaded; end this process."""
    for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [module, *arguments]
    status = 0
    try:
        (READ.get((module, *arguments)) or read_arguments(module, arguments))()
    except SystemExit as end:
        status = _status_of(end)
    except (typer.BadParameter, typer.Exit) as end:
        if isinstance(end, typer.BadParameter):
            end.show()
        status = end.exit_code
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


def load() -> None:
    """Import what programs share."""
    # Libraries take it for their colours where it is to be had; our programs have no terminal.
    sys.modules["rich"] = None  # type: ignore[assignment]
    for name in LOADED:
        try:
            import_module(name)
        except Exception as error:  # noqa: BLE001 - whatever a module raises, its program will raise it again.
            sys.stderr.write(
                f"{name} cannot be imported: {error!r}; the programs that need it will say more.\n"
            )
    del sys.modules["rich"]
    with suppress(Exception):
        configure_mappers()


def freeze() -> None:
    """Have the collector leave alone what is there now: it would write to it, and so copy it, in each program."""
    gc.collect()
    gc.freeze()


def main() -> None:
    """Run until told to stop."""
    load()
    supervisord.ServerOptions = Options
    supervisord.main()


if __name__ == "__main__":
    main()
