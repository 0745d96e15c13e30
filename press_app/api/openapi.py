"""The OpenAPI document: the answers that every endpoint can give are told for every endpoint."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from press_app.access.problems import Problem, problems

ALWAYS = (429, 500, 503)
WITH_BODY = (400, 413)
_REF_TEMPLATE = "#/components/schemas/{model}"


def install_openapi(app: FastAPI) -> None:
    """Replace ``app.openapi``; the document is made once, at the first question."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = make_document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to change the document


def make_document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema(ref_template=_REF_TEMPLATE)
    for operations in document["paths"].values():
        for operation in operations.values():
            _add_common_answers(operation)
    # FastAPI's own shape of 422, which this API never answers with.
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    return document


def _add_common_answers(operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    statuses = [*ALWAYS, *(WITH_BODY if "requestBody" in operation else ())]
    if "HTTPValidationError" in str(answers.get("422", "")):
        answers.pop("422")
        statuses.append(422)
    for status, answer in problems(*statuses).items():
        answers.setdefault(str(status), answer)
    operation["responses"] = dict(sorted(answers.items()))
