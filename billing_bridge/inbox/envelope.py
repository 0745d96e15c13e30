"""Reads a delivery's raw body strictly: what passes here can be stored and handled."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from billing_bridge.errors import WebhookRefused

MAX_DEPTH = 64
LARGEST_INTEGER = 2**63
MAX_DIGITS = 20
TYPE_PATTERN = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+", re.ASCII)
ID_PATTERN = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
MAX_TYPE = 100


@dataclass(frozen=True, slots=True)
class Envelope:
    """A delivery of Lago's: its type, its organisation and the object it speaks of."""

    webhook_type: str
    organization_id: str
    payload: Mapping[str, Any]


def read_envelope(raw: bytes) -> Envelope:
    """The envelope in `raw`; raises `WebhookRefused` for everything that Lago would not send."""
    body = read_json(raw)
    webhook_type = body.get("webhook_type")
    if (
        not isinstance(webhook_type, str)
        or len(webhook_type) > MAX_TYPE
        or not TYPE_PATTERN.fullmatch(webhook_type)
    ):
        _refuse("webhook_type is missing or no event name")
    organization_id = body.get("organization_id")
    if not isinstance(organization_id, str) or not ID_PATTERN.fullmatch(organization_id):
        _refuse("organization_id is missing or no id")
    object_type = body.get("object_type")
    if not isinstance(object_type, str) or object_type in {"webhook_type", "object_type", "organization_id"}:
        _refuse("object_type is missing or no text")
    payload = body.get(object_type)
    if not isinstance(payload, dict):
        _refuse("the object named by object_type is missing or no object")
    return Envelope(webhook_type=webhook_type, organization_id=organization_id, payload=payload)


def read_key(value: str | None) -> str:
    """The value of `X-Lago-Unique-Key`; raises `WebhookRefused` when it is missing or no id."""
    if value is None or not ID_PATTERN.fullmatch(value):
        _refuse("the header X-Lago-Unique-Key is missing or no id")
    return value


def read_json(raw: bytes) -> dict[str, Any]:
    """A JSON object without lone surrogates, non-finite or oversized numbers, or absurd depth."""
    try:
        body = _DECODER.decode(raw.decode("utf-8"))
    except RecursionError:
        _refuse("the body is nested too deeply")
    except ValueError as error:
        _refuse(f"the body is no JSON ({type(error).__name__})")
    if not isinstance(body, dict):
        _refuse("the body is no JSON object")
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH or b"\\ud" in raw.lower():
        _check_values(
            body
        )  # Only what opens so often can be too deep, only an escape can be half a character.
    return body


def _check_values(body: dict[str, Any]) -> None:
    level: list[Any] = [body]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below.extend(value.keys())
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
            elif isinstance(value, str):
                _check_text(value)
        if not below:
            return
        level = below
    _refuse("the body is nested too deeply")


def _check_text(value: str) -> None:
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        _refuse("a text holds half a character")


def _read_integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS or not -LARGEST_INTEGER <= (value := int(digits)) < LARGEST_INTEGER:
        _refuse("a number is too large")
    return value


def _read_float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        _refuse("a number is too large")
    return value


def _refuse_constant(name: str) -> NoReturn:
    _refuse(f"{name} is no JSON number")


def _refuse(why: str) -> NoReturn:
    raise WebhookRefused(f"The delivery was refused because {why}; nothing was stored.")


_DECODER = json.JSONDecoder(parse_int=_read_integer, parse_float=_read_float, parse_constant=_refuse_constant)
