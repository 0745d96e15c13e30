"""Request bodies made from the OpenAPI document: the smallest that fits."""

import re
from typing import Any

TEXTS = ("example-1", "example", "https://example.org", "someone@example.org")


def make_body(document: dict[str, Any], operation: dict[str, Any]) -> Any:
    """A body that the operation accepts as far as its shape goes; None where it takes none."""
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    return None if schema is None else _make(document, schema)


def _make(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _make(document, document["components"]["schemas"][name])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return _make(document, schema[several][0])
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    return _make_of_type(document, schema)


def _make_of_type(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    match schema.get("type"):
        case "object":
            wanted = schema.get("required", [])
            return {name: _make(document, schema["properties"][name]) for name in wanted}
        case "array":
            return [_make(document, schema["items"])] * schema.get("minItems", 0)
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "string":
            return _make_text(schema)
        case _:
            return None


def _make_text(schema: dict[str, Any]) -> str:
    if schema.get("format") == "date-time":
        return "2026-11-23T10:00:00Z"
    if schema.get("format") == "uuid":
        return "01a20000-0000-7000-8000-000000000000"
    least, pattern = int(schema.get("minLength", 1)), str(schema.get("pattern", ""))
    fitting = (text for text in TEXTS if len(text) >= least and re.search(pattern, text))
    return next(fitting, "x" * max(1, least))
