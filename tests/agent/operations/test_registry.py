"""The operations are those of the contract, and no parameter can mean more than it says."""

import re
import uuid
from typing import Any

import pytest
from pydantic import ValidationError

from agent.operations.params import Strict
from agent.operations.registry import OPERATIONS
from tests.agent.support import ROOT

ROW = re.compile(r"^\| `(\w+)` \| (bench|site) \|", re.MULTILINE)
IDS: dict[str, Any] = {"bench_id": str(uuid.uuid4()), "site_id": str(uuid.uuid4())}
BACKUP: dict[str, Any] = {
    "id": str(uuid.uuid4()),
    "site_id": IDS["site_id"],
    "engine": "fake",
    "location": "folder:a/b",
    "size_bytes": 1,
    "sha256": "0" * 64,
    "taken_at": "2026-11-23T10:00:00Z",
    "verified_at": None,
}


class TestRegistry:
    def test_is_the_contracts_table(self) -> None:
        text = (ROOT / "docs" / "contracts" / "agent.md").read_text(encoding="utf-8")
        assert dict(ROW.findall(text)) == {name: operation.target for name, operation in OPERATIONS.items()}

    @pytest.mark.parametrize("name", OPERATIONS)
    def test_keys_are_unique_and_extra_fields_refused(self, name: str) -> None:
        operation = OPERATIONS[name]
        keys = [step.key for step in operation.steps]
        assert len(set(keys)) == len(keys)
        assert issubclass(operation.params, Strict)
        assert operation.params.model_config["extra"] == "forbid"


class TestRestoreParams:
    def make(self, **backup: object) -> dict[str, Any]:
        return IDS | {"hostname": "a.localhost", "backup": BACKUP | backup}

    def test_accepts(self) -> None:
        params: Any = OPERATIONS["restore_site"].params.model_validate(self.make())
        assert params.state == "active"

    @pytest.mark.parametrize(
        "backup",
        [
            {"site_id": str(uuid.uuid4())},
            {"location": "/etc/passwd"},
            {"location": "folder:/etc/passwd"},
            {"sha256": "x"},
            {"size_bytes": -1},
            {"engine": "../x"},
        ],
    )
    def test_refuses(self, backup: dict[str, object]) -> None:
        with pytest.raises(ValidationError):
            OPERATIONS["restore_site"].params.model_validate(self.make(**backup))


class TestSecretRefs:
    def test_only_what_the_params_name(self) -> None:
        admin = {"login": "owner", "email": "o@x.example", "password": "secret://site/1/admin-password"}
        create = OPERATIONS["create_site"].params.model_validate(
            IDS | {"hostname": "a.localhost", "apps": ["base"], "admin": admin, "company": {"name": "A"}}
        )
        assert create.secret_refs == ("secret://site/1/admin-password",)
        assert OPERATIONS["drop_site"].params.model_validate(IDS).secret_refs == ()
