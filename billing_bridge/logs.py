"""Logs of the bridge's programs: one JSON object a line, our own records and those of the libraries."""

import logging
import sys
import threading
from types import TracebackType
from typing import TextIO

import structlog
from asgi_correlation_id import correlation_id
from structlog.typing import EventDict, Processor, WrappedLogger

CHATTY = ("alembic", "httpx", "rq.worker", "rq.queue")


def configure_logging(level: str, *, stream: TextIO | None = None) -> None:
    """JSON lines to ``stream`` (standard error when None), each with the correlation id of its request or event."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_correlation_id,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(default=str),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


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
    structlog.get_logger(__name__).critical("program_crashed", exc_info=(kind, error, trace))


def _add_correlation_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    found = correlation_id.get()
    if found:
        event.setdefault("correlation_id", found)
    return event
