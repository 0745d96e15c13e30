"""Reads the layers of ``[tool.importlinter]``, so that our rules and import-linter share one list."""

import re
from collections.abc import Iterator, Mapping
from typing import cast

CONTROL_PLANE = "control-plane"
SLICE = "slice"


def slice_names(config: Mapping[str, object]) -> list[str]:
    """Slices of the control plane, as the contract ``slice`` lists them."""
    containers = cast("list[str]", find_contract(config, SLICE).get("containers", []))
    return [container.removeprefix("press_app.") for container in containers]


def layer_ranks(config: Mapping[str, object]) -> dict[str, int]:
    """Module of the control plane → its height: 0 is the ground, larger stands above."""
    layers = cast("list[str]", find_contract(config, CONTROL_PLANE).get("layers", []))
    return {name: rank for rank, layer in enumerate(reversed(layers)) for name in _names(layer)}


def find_contract(config: Mapping[str, object], contract_id: str) -> Mapping[str, object]:
    """The contract's table; empty when there is none of that id."""
    tool = cast("dict[str, dict[str, list[dict[str, object]]]]", config.get("tool", {}))
    contracts = tool.get("importlinter", {}).get("contracts", [])
    return next((contract for contract in contracts if contract.get("id") == contract_id), {})


def _names(layer: str) -> Iterator[str]:
    return (name for name in re.split(r"[\s|:()]+", layer) if name)
