"""Runs the sandbox on the configured address, with JSON logs."""

import logging

import structlog
import uvicorn
from asgi_correlation_id import correlation_id

from billing_bridge.sandbox.app import create_app
from billing_bridge.sandbox.config import Settings


def serve(settings: Settings) -> None:
    """Run until a signal comes; logs are JSON lines on standard output."""
    _configure_logging(settings.log_level)
    structlog.get_logger(__name__).info(
        "Lago sandbox for trials and tests; it is not Lago",
        url=settings.issuer,
        page=f"{settings.issuer}/sandbox/",
        database=str(settings.database),
    )
    uvicorn.run(
        create_app(settings), host=settings.host, port=settings.port, log_config=None, access_log=False
    )


def _configure_logging(level: str) -> None:
    numeric = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            _add_correlation_id,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
    )


def _add_correlation_id(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    found = correlation_id.get()
    if found:
        event["correlation_id"] = found
    return event
