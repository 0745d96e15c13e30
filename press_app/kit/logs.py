"""Structured logs: one JSON object a line, with the correlation id and without secrets."""

import logging
import re
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"
_SECRET_KEY = re.compile(
    r"password|passwd|token|secret|authori[sz]ation|cookie|credential|api_?key|private_?key|master_?key",
    re.IGNORECASE,
)
_HARMLESS = frozenset({"token_id", "secret_ref"})
_SECRET_TEXT = re.compile(
    r"(?i)(?<=bearer )[\w.~+/=-]{8,}"
    r"|\bpress_[\w-]{20,}"
    r"|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"
    r"|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
_DEPTH = 6


def setup_logs(level: str = "INFO", *, stream: TextIO | None = None) -> None:
    """Send our own logs and those of libraries as JSON lines to ``stream`` (standard error when None)."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        redact,
        structlog.processors.JSONRenderer(default=str),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in ("httpx", "httpx2", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)  # they write whole addresses, with query strings
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "rq.worker", "asgi_correlation_id"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = (
            name != "uvicorn.access"
        )  # our middleware writes the access log, without query strings


def log_crashes() -> None:
    """For programs that run in the background: what would be printed as text becomes a line of the log, too.

    That is an exception that nobody caught, in any thread, and a warning of Python's own.
    """
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_crash
    threading.excepthook = lambda crash: _log_crash(
        crash.exc_type, crash.exc_value or crash.exc_type(), crash.exc_traceback
    )


def _log_crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    structlog.get_logger(__name__).critical("program.crashed", exc_info=(kind, error, trace))


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Blank out values under telling keys, and telling texts anywhere."""
    return {key: _clean(key, value, _DEPTH) for key, value in event.items()}


def redact_text(text: str) -> str:
    """The text without bearer tokens, JWTs, private keys and passwords in URLs."""
    return _SECRET_TEXT.sub(REDACTED, text)


def _clean(key: str, value: object, depth: int) -> object:
    if _SECRET_KEY.search(key) and key not in _HARMLESS and not isinstance(value, bool | None):
        return REDACTED
    if isinstance(value, str):
        return redact_text(value)
    if depth == 0:
        return REDACTED if isinstance(value, Mapping | list | tuple) else value
    if isinstance(value, Mapping):
        return {str(name): _clean(str(name), item, depth - 1) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", item, depth - 1) for item in value]
    return value
