"""The contract checks themselves: they find faults, and their exceptions are still needed."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.billing_bridge.sandbox.contract import (
    NULLABLE,
    OPENAPI,
    ROOT,
    Contract,
    find_properties,
    load_document,
    make_registry,
)
from tests.billing_bridge.sandbox.driver import Answer, Driver

pytestmark = pytest.mark.skipif(
    not OPENAPI.exists(), reason="Lago's published OpenAPI is not beside the checkout"
)


def get_answer(lago: Driver, path: str) -> Answer:
    lago.get(path)
    return lago.running.answers[-1]


class TestContract:
    def test_a_missing_field_a_wrong_type_and_a_wrong_id_are_found(self, lago: Driver) -> None:
        lago.customer()
        answer = get_answer(lago, "/customers/acme")
        for change in ({"slug": None}, {"lago_id": "acme"}, {"created_at": "2026-03-10T10:00:00+00:00"}):
            body: dict[str, Any] = json.loads(answer.body)
            body["customer"] |= change
            with pytest.raises(AssertionError, match=next(iter(change))):
                Contract().check_answer(Answer("GET", "/customers/acme", 200, json.dumps(body).encode()))

    def test_an_error_body_is_held_against_its_shape(self) -> None:
        refusal = Answer("GET", "/customers/acme", 404, b'{"status": 404, "error": "Not Found"}')
        with pytest.raises(AssertionError, match="code"):
            Contract().check_answer(refusal)

    def test_an_unknown_webhook_is_found(self) -> None:
        with pytest.raises(AssertionError, match="not described"):
            Contract().check_webhook({"webhook_type": "invoice.paid"})

    @pytest.mark.parametrize(
        ("name", "field", "reason"), NULLABLE, ids=[f"{name}.{field}" for name, field, _ in NULLABLE]
    )
    def test_each_exception_is_needed_as_published(self, name: str, field: str, reason: str) -> None:
        document = load_document()
        described = find_properties(document["components"]["schemas"][name], field)[field]
        rooted = described | ({"$ref": ROOT + described["$ref"]} if "$ref" in described else {})
        validator = Draft202012Validator(rooted, registry=make_registry(document))
        assert not validator.is_valid(None), "the description allows null by now: take the exception out"
        assert reason
