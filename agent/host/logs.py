"""Logs of the agent's programs: one JSON object a line, our own and those of the libraries."""

import io
import logging
import sys
import threading
from types import TracebackType

import structlog
from asgi_correlation_id.context import correlation_id
from structlog.types import EventDict, Processor, WrappedLogger

LIBRARIES = ("uvicorn", "uvicorn.error", "rq.worker", "py.warnings")
log = structlog.get_logger(__name__)


def configure_logs(level: str) -> None:
    """Write JSON lines to standard error; everything bound to the context and the request's id stand in them."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_correlation_id,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    last: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(default=str),
    ]
    # Unbuffered, so that a long line is one write and stays whole beside those of other programs.
    whole_lines = io.TextIOWrapper(
        io.FileIO(sys.stderr.fileno(), "w", closefd=False), encoding="utf-8", write_through=True
    )
    handler = logging.StreamHandler(whole_lines)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in LIBRARIES:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    sys.excepthook = _log_crash
    threading.excepthook = lambda crash: _log_crash(
        crash.exc_type, crash.exc_value or crash.exc_type(), crash.exc_traceback
    )
    sys.unraisablehook = lambda crash: _log_crash(
        crash.exc_type, crash.exc_value or crash.exc_type(), crash.exc_traceback
    )


def _add_correlation_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    found = correlation_id.get()
    if found is not None:
        event.setdefault("correlation_id", found)
    return event


def _log_crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        log.info("program.interrupted")
        return
    log.critical("program.crashed", exc_info=(kind, error, trace))
