"""Is it there, is it ready, and what is it."""

from fastapi import APIRouter
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from billing_bridge.sandbox.http import Box, LagoResponse

router = APIRouter()


@router.get("/health")
def health() -> Response:
    """Lago's shape, with a message that says this is not Lago."""
    message = "Lago sandbox: a server for trials and tests. It is not Lago and keeps no real money."
    return LagoResponse({"version": "sandbox", "github_url": "", "message": message})


@router.get("/ready")
def ready(sandbox: Box) -> Response:
    """503 when the database does not answer."""
    try:
        with sandbox.store.transaction() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        return LagoResponse({"ready": False, "down": ["database"], "message": str(error)}, status_code=503)
    return LagoResponse({"ready": True, "down": []})
