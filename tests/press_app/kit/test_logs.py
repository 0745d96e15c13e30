"""What is logged, and what never is."""

import io
import json
import logging
from typing import Any

import pytest
import structlog

from press_app.kit.logs import redact, redact_text


def read(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


class TestSetupLogs:
    def test_writes_one_json_object_a_line_with_the_correlation_id(self, log_lines: io.StringIO) -> None:
        with structlog.contextvars.bound_contextvars(correlation_id="c-1"):
            structlog.get_logger("ours").info("site.active", site="site:1", seconds=1.5)
            logging.getLogger("uvicorn.error").warning("theirs %s", "too")
        logging.getLogger("quiet").debug("not this")
        first, second = read(log_lines)
        assert (first["event"], first["site"], first["seconds"]) == ("site.active", "site:1", 1.5)
        assert first["level"] == "info"
        assert first["timestamp"].endswith("Z")
        assert (second["event"], second["logger"]) == ("theirs too", "uvicorn.error")
        assert first["correlation_id"] == second["correlation_id"] == "c-1"

    def test_keeps_the_secret_out_of_exceptions_too(self, log_lines: io.StringIO) -> None:
        try:
            int("cannot connect to mysql://press:canary-1@db/press with Bearer canary-22222222")
        except ValueError:
            structlog.get_logger().exception("failed", password="canary-3")
        assert "canary" not in log_lines.getvalue()
        assert "ValueError" in log_lines.getvalue()

    def test_leaves_the_access_log_to_the_middleware(self, log_lines: io.StringIO) -> None:
        logging.getLogger("uvicorn.access").info('GET /x?token="canary"')
        assert log_lines.getvalue() == ""


class TestRedact:
    def test_blanks_out_telling_keys_at_any_depth(self) -> None:
        event = {
            "password": "x",
            "Authorization": "x",
            "set-cookie": "x",
            "params": {"admin": {"password": ["x"]}, "items": [{"api_key": "x", "name": "kept"}]},
            "has_token": True,
            "secret": None,
        }
        clean = redact(None, "info", event)
        assert clean["params"]["items"][0]["name"] == "kept"
        assert clean["has_token"] is True
        assert clean["secret"] is None
        assert '"x"' not in json.dumps(clean)

    @pytest.mark.parametrize(
        "text",
        [
            "Authorization: Bearer canary-abcdefgh",
            "the token press_canaryABCDEFGHIJKLMNOPQRSTUV was used",
            "jwt eyJcanaryAAAA.eyJBBBBBB.canary",
            "redis://:canary@127.0.0.1:6379/0",
            "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----",
        ],
    )
    def test_blanks_out_telling_texts(self, text: str) -> None:
        assert "canary" not in redact_text(text)
        assert "[redacted]" in redact_text(text)

    @pytest.mark.parametrize(
        "text", ["press_app.sites.service", "http://127.0.0.1:8080/v1/sites", "a@b.example"]
    )
    def test_leaves_other_texts_alone(self, text: str) -> None:
        assert redact_text(text) == text

    def test_stops_at_deep_nesting(self) -> None:
        deep: Any = "canary"
        for _ in range(50):
            deep = {"x": deep}
        assert "canary" not in json.dumps(redact(None, "info", {"data": deep}))
