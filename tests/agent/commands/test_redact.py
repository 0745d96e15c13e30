"""Secrets do not show."""

import json
import pickle

import pytest

from agent.commands.redact import Secret, redact


class TestSecret:
    def test_prints_redacted(self) -> None:
        secret = Secret("hunter2")
        assert f"{secret} {secret!r} {[secret]}" == "[redacted] [redacted] [[redacted]]"
        assert secret.reveal() == "hunter2"

    def test_can_be_neither_pickled_nor_dumped(self) -> None:
        with pytest.raises(TypeError):
            pickle.dumps(Secret("x"))
        with pytest.raises(TypeError):
            json.dumps({"password": Secret("x")})


class TestRedact:
    def test_longest_first_and_empty_ignored(self) -> None:
        assert redact("abc abcdef", [Secret("abc"), Secret("abcdef"), Secret("")]) == "[redacted] [redacted]"
