"""The shape of error answers (RFC 9457), and how endpoints declare which ones they give."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

PROBLEM_JSON = "application/problem+json"
_RENAMED = {413: "Content Too Large", 422: "Unprocessable Content"}
"""RFC 9110's words; Python before 3.13 has the older ones, and the document must not depend on it."""


def phrase_of(status: int) -> str:
    """The words that belong to an HTTP status."""
    return _RENAMED.get(status) or HTTPStatus(status).phrase


class Problem(BaseModel):
    """What happened, what it did to the data, and what to do next; programs read ``code``."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str = Field(description="What happened, what it did to the data, what to do next.")
    code: str = Field(description="Stable name of the error, for programs.")
    correlation_id: str | None = Field(default=None, description="Names the request in the logs.")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses=`` of an endpoint that can answer with these problems."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": phrase_of(status), "content": {PROBLEM_JSON: schema}} for status in statuses
    }
