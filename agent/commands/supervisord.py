"""The text of supervisord's configuration: one file for itself, one for each program."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
RESTARTS = 30
"""How often in a row a program may fail to start before it counts as failed; the pauses grow by a second."""


class UnwritableProgram(ValueError):
    """A command, path or variable that the configuration file cannot hold."""


def supervisord_conf(folder: Path, socket: Path, *, identifier: str = "supervisor") -> str:
    """Configure a supervisord of our own that reads programs from ``<folder>/conf.d``; it says its identifier when asked."""
    return "\n".join(
        (
            "[unix_http_server]",
            f"file={_value(str(socket))}",
            "chmod=0600",
            "[supervisord]",
            f"identifier={_value(identifier)}",
            f"logfile={_value(str(folder / 'supervisord.log'))}",
            "logfile_maxbytes=5MB",
            "logfile_backups=1",
            f"pidfile={_value(str(folder / 'supervisord.pid'))}",
            f"childlogdir={_value(str(folder / 'logs'))}",
            "nodaemon=true",
            "silent=true",
            "minfds=4096",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
            "[include]",
            f"files={_value(str(folder / 'conf.d'))}/*.conf",
            "",
        )
    )


def program_conf(
    *,
    name: str,
    argv: tuple[str, ...],
    directory: Path,
    environment: Mapping[str, str],
    log_file: Path,
    stop_seconds: int,
) -> str:
    """Configure one program that is started at once and started again whenever it ends."""
    variables = ",".join(_variable(key, value) for key, value in sorted(environment.items()))
    lines = [
        f"[program:{name}]",
        f"command={_value(shlex.join(argv))}",
        f"directory={_value(str(directory))}",
        "autostart=true",
        "autorestart=true",
        "startsecs=1",
        f"startretries={RESTARTS}",
        "stopsignal=TERM",
        f"stopwaitsecs={stop_seconds}",
        "killasgroup=true",
        "redirect_stderr=true",
        f"stdout_logfile={_value(str(log_file))}",
        "stdout_logfile_maxbytes=5MB",
        "stdout_logfile_backups=1",
    ]
    if variables:
        lines.append(f"environment={_value(variables)}")
    return "\n".join((*lines, ""))


def _variable(key: str, value: str) -> str:
    """Write one variable; supervisord knows no escape for a quote and strips those at the ends."""
    if VARIABLE.fullmatch(key) is None or '"' in value or value.strip("'") != value:
        raise UnwritableProgram(f"supervisord cannot hold the variable {key}: it has quotes or an odd name")
    return f'{key}="{value}"'


def _value(text: str) -> str:
    """Write a value so that supervisord reads back exactly this text. Raises :class:`UnwritableProgram`."""
    if any(ord(character) < ord(" ") for character in text) or " ;" in text or " #" in text:
        raise UnwritableProgram(
            f"supervisord cannot hold {text!r}: control characters, ' ;' and ' #' have no place in it"
        )
    return text.replace("%", "%%")
