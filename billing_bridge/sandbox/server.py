"""Runs the sandbox on the configured address, with JSON logs."""

import sys

import structlog
import uvicorn

from billing_bridge.logs import configure_logging, log_crashes
from billing_bridge.sandbox.app import create_app
from billing_bridge.sandbox.config import Settings


def serve(settings: Settings) -> None:
    """Run until a signal comes; logs are JSON lines on standard output."""
    configure_logging(settings.log_level, stream=sys.stdout)
    log_crashes()
    structlog.get_logger(__name__).info(
        "Lago sandbox for trials and tests; it is not Lago",
        url=settings.issuer,
        page=f"{settings.issuer}/sandbox/",
        database=str(settings.database),
    )
    uvicorn.run(
        create_app(settings), host=settings.host, port=settings.port, log_config=None, access_log=False
    )
