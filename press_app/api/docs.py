"""The documentation page: made from the OpenAPI document here, without scripts and without foreign hosts."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

CSP = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

router = APIRouter(include_in_schema=False)
_templates = Environment(
    loader=PackageLoader("press_app.api", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Operation:
    """One endpoint as the page shows it."""

    name: str
    method: str
    path: str
    text: str
    is_public: bool
    parameters: list[dict[str, Any]]
    body: str | None
    answers: list[tuple[str, str, str | None]]


@router.get("/docs")
def get_docs(request: Request) -> HTMLResponse:
    """For people."""
    document = request.app.openapi()
    page = _templates.get_template("docs.html.jinja").render(
        title=document["info"]["title"],
        version=document["info"]["version"],
        text=document["info"].get("description", ""),
        groups=_group(document),
        schemas=[
            (name, json.dumps(schema, indent=2)) for name, schema in document["components"]["schemas"].items()
        ],
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": CSP, "Cache-Control": "no-cache"})


@router.get("/docs/style.css")
def get_style() -> Response:
    """The page's only other file."""
    sheet = _templates.get_template("docs.css").render()
    return Response(sheet, media_type="text/css", headers={"Cache-Control": "no-cache"})


def _group(document: dict[str, Any]) -> dict[str, list[Operation]]:
    groups: dict[str, list[Operation]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tag = next(iter(operation.get("tags", [])), "other")
            groups.setdefault(tag, []).append(_operation(method, path, operation))
    return dict(sorted(groups.items()))


def _operation(method: str, path: str, operation: dict[str, Any]) -> Operation:
    return Operation(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        text=operation.get("description") or operation.get("summary", ""),
        is_public=not operation.get("security"),
        parameters=[
            {
                "name": item["name"],
                "where": item["in"],
                "required": item.get("required", False),
                "text": item.get("description", ""),
            }
            for item in operation.get("parameters", [])
        ],
        body=next(_schemas(operation.get("requestBody", {})), None),
        answers=[
            (status, answer["description"], next(_schemas(answer), None))
            for status, answer in operation["responses"].items()
        ],
    )


def _schemas(part: dict[str, Any]) -> Iterator[str]:
    for media in part.get("content", {}).values():
        reference = media.get("schema", {}).get("$ref", "")
        if reference:
            yield reference.rpartition("/")[2]
