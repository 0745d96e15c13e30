"""Settings: every option documented, and wrong values refused with a sentence."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from billing_bridge.config import Settings

EXAMPLE = Path(__file__).resolve().parents[2] / "compose" / "billing-bridge.env.example"
PREFIX = "PRESS_BRIDGE_"


def read_example() -> dict[str, str]:
    lines = [line.removeprefix("#").strip() for line in EXAMPLE.read_text().splitlines()]
    return dict(line.split("=", 1) for line in lines if line.startswith(PREFIX))


def test_the_example_names_every_option_and_no_other() -> None:
    assert set(read_example()) == {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


def test_the_example_tells_the_defaults() -> None:
    fresh = Settings.model_construct()
    for name, shown in read_example().items():
        value = getattr(fresh, name.removeprefix(PREFIX).lower())
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        if shown != "" and plain is not None:
            assert shown == (str(plain).lower() if isinstance(plain, bool) else f"{plain}"), name


@pytest.mark.parametrize(
    "wrong",
    [{"port": 0}, {"grace_days": -1}, {"lease_seconds": 0}, {"keep_days": 10}, {"webhook_max_bytes": 1}],
)
def test_impossible_values_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Settings(**wrong)  # type: ignore[arg-type]


def test_secrets_do_not_print() -> None:
    settings = Settings(lago_api_key=SecretStr("canary"), webhook_hmac_key=SecretStr("canary"))
    assert "canary" not in repr(settings)
