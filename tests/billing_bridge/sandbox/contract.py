"""Holds answers and webhooks against Lago's published OpenAPI, with the exceptions named in one list."""

import copy
import json
import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.billing_bridge.sandbox.driver import Answer

OPENAPI = Path(__file__).parents[4] / "shared" / "lago" / "openapi.yaml"
ROOT = "urn:lago"

NULLABLE = (
    # The description says string; the real serializer answers null where there is no value.
    ("SubscriptionObject", "on_termination_credit_note", "null for plans that are not paid in advance"),
    ("SubscriptionObject", "cancellation_reason", "null unless a gated start was cancelled"),
    ("PaymentMethodReference", "payment_method_id", "null when no method was chosen"),
    ("InvoicePaymentFailureObject", "payment_provider", "null when a retry is asked for without a provider"),
    (
        "InvoicePaymentFailureObject",
        "payment_provider_code",
        "null when a retry is asked for without a provider",
    ),
    (
        "InvoicePaymentFailureObject",
        "provider_customer_id",
        "null when the provider has no such customer yet",
    ),
    ("InvoicePaymentFailureObject", "provider_error", "null when a retry is asked for without a provider"),
    ("PaymentObject", "reference", "null for payments made by a provider"),
    ("InvoiceBaseObject", "file_url", "null until the file was made"),
    ("InvoiceBaseObject", "payment_dispute_lost_at", "null while no dispute was lost"),
    ("FeeObject", "pricing_unit_details", "null without pricing units"),
    ("CustomerBillingConfiguration", "payment_provider", "null without a provider"),
    ("CustomerBillingConfiguration", "payment_provider_code", "null without a provider"),
    ("CustomerBillingConfiguration", "provider_customer_id", "null until the provider made its customer"),
    ("CustomerBillingConfiguration", "document_locale", "null: the organisation's language"),
    ("PlanObject", "description", "null when none was given"),
    ("SubscriptionEntitlementPrivilegeObject", "plan_value", "null when only the subscription has a value"),
    ("PlanObject", "invoice_display_name", "null when none was given"),
)
REPLACED = (
    # Not null but another shape altogether.
    (
        "PlanObject",
        "entitlements",
        {"type": "array", "items": {"$ref": "#/components/schemas/PlanEntitlementObject"}},
        "the description wraps each in `entitlement`, the serializer does not",
    ),
    (
        "PaymentObject",
        "payment_provider_type",
        {"type": "string", "pattern": "^PaymentProviders::[A-Z][a-z]+Provider$"},
        "the description names the provider, the serializer its class",
    ),
)

WRAPPED = (
    # The answer stands under a root key that the description leaves out.
    ("/payments/{lago_id}", "get", "payment", "the published client reads it under `payment`"),
)


@dataclass(frozen=True)
class Operation:
    """A path of the description as a pattern, with its answers by status."""

    method: str
    pattern: re.Pattern[str]
    template: str


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def find_properties(schema: dict[str, Any], field: str) -> dict[str, Any]:
    """The properties, of the schema or of a part of its allOf, that hold ``field``."""
    for part in [schema, *schema.get("allOf", [])]:
        if field in part.get("properties", {}):
            properties: dict[str, Any] = part["properties"]
            return properties
    raise AssertionError(f"{field} is not described")


def relax(document: dict[str, Any]) -> dict[str, Any]:
    """A copy with the exceptions applied; an exception that names nothing is an error."""
    relaxed = copy.deepcopy(document)
    schemas = relaxed["components"]["schemas"]
    for name, field, _reason in NULLABLE:
        properties = find_properties(schemas[name], field)
        properties[field] = _nullable(properties[field])
    for name, field, schema, _reason in REPLACED:
        assert field in schemas[name]["properties"]
        schemas[name]["properties"][field] = schema
    for path, method, root, _reason in WRAPPED:
        content = relaxed["paths"][path][method]["responses"]["200"]["content"]["application/json"]
        content["schema"] = {"type": "object", "required": [root], "properties": {root: content["schema"]}}
    return relaxed


@cache
def load_document() -> dict[str, Any]:
    """The description as published."""
    document: dict[str, Any] = yaml.load(OPENAPI.read_text(), Loader=yaml.CSafeLoader)
    return document


def _formats() -> FormatChecker:
    checker = FormatChecker(formats=())

    def parse(kind: Any) -> Any:
        return lambda value: not isinstance(value, str) or bool(kind(value))

    checker.checks("uuid", raises=ValueError)(parse(UUID))
    checker.checks("date", raises=ValueError)(parse(date.fromisoformat))
    checker.checks("date-time", raises=ValueError)(parse(_utc_moment))
    return checker


def _utc_moment(value: str) -> datetime:
    if not value.endswith("Z"):
        raise ValueError("not UTC with a Z")
    return datetime.fromisoformat(value)


class Contract:
    """Validators by reference, made once."""

    def __init__(self) -> None:
        self.document, self._registry, self._operations = _prepared()

    def errors(self, pointer: str, instance: Any) -> list[str]:
        """What ``instance`` violates in the schema at ``pointer``."""
        validator = _validator(pointer)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(instance)]

    def check_webhook(self, body: dict[str, Any]) -> None:
        """Raises AssertionError with every violation; an undescribed type counts as one."""
        kind = body["webhook_type"]
        webhooks = self.document["webhooks"]
        key = kind if kind in webhooks else kind.replace(".", "_", 1)
        assert key in webhooks, f"{kind} is not described"
        found = self.errors(f"#/webhooks/{key}/post/requestBody/content/application~1json/schema", body)
        assert not found, f"{kind}: {found}"

    def check_answer(self, answer: Answer) -> None:
        """Raises AssertionError when the answer's status or body is not described for its path."""
        operation = self.find_operation(answer)
        if operation is None:
            return
        where = f"{answer.method} {operation.template} {answer.status}"
        described = self.document["paths"][operation.template][answer.method.lower()]["responses"]
        if str(answer.status) not in described:
            self._check_undescribed(where, answer)
            return
        pointer = self._schema_pointer(operation, answer)
        if pointer is None or not answer.body:
            return
        found = self.errors(pointer, json.loads(answer.body))
        assert not found, f"{where}: {found}"

    def find_operation(self, answer: Answer) -> Operation | None:
        """The most literal path template that matches."""
        for operation in self._operations:
            if operation.method == answer.method and operation.pattern.fullmatch(answer.path):
                return operation
        return None

    def _check_undescribed(self, where: str, answer: Answer) -> None:
        """Errors share their shapes; every path may give the general ones."""
        names = {
            403: "Forbidden",
            405: "NotAllowed",
            404: "NotFound",
            422: "UnprocessableEntity",
            400: "BadRequest",
        }
        assert answer.status in names, f"{where} is not described"
        found = self.errors(f"#/components/schemas/ApiError{names[answer.status]}", json.loads(answer.body))
        assert not found, f"{where}: {found}"

    def _schema_pointer(self, operation: Operation, answer: Answer) -> str | None:
        path = operation.template.replace("~", "~0").replace("/", "~1")
        answers = self.document["paths"][operation.template][answer.method.lower()]["responses"]
        described = answers[str(answer.status)]
        pointer = f"#/paths/{path}/{answer.method.lower()}/responses/{answer.status}"
        if "$ref" in described:
            pointer = described["$ref"]
            described = self.document["components"]["responses"][pointer.rsplit("/", 1)[-1]]
        if "application/json" not in described.get("content", {}):
            return None
        return pointer + "/content/application~1json/schema"


def make_registry(document: dict[str, Any]) -> Registry[Any]:
    """Where references into ``document`` are looked up."""
    registry: Registry[Any] = Registry().with_resource(ROOT, DRAFT202012.create_resource(document))
    return registry


@cache
def _prepared() -> tuple[dict[str, Any], Registry[Any], list[Operation]]:
    document = relax(load_document())
    registry = make_registry(document)
    operations = []
    for template, methods in document["paths"].items():
        pattern = re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template)))
        operations += [
            Operation(method.upper(), pattern, template) for method in methods if method != "parameters"
        ]
    operations.sort(key=lambda each: each.template.count("{"))
    return document, registry, operations


@cache
def _validator(pointer: str) -> Draft202012Validator:
    _document, registry, _operations = _prepared()
    return Draft202012Validator({"$ref": ROOT + pointer}, registry=registry, format_checker=_formats())
