"""A pytest plugin: notes each test's outcome and groups (markers) in the file that ``PRESS_TEST_OUTCOMES`` names."""

import json
import os
from pathlib import Path
from typing import TextIO

import pytest

VARIABLE = "PRESS_TEST_OUTCOMES"
PROPERTY = "group"
GROUPS = ("redis", "mariadb", "tryton", "platform", "browser", "docker", "frappe")


class OutcomeWriter:
    """One JSON line per test; with several workers only the controller writes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        ended = report.when == "call" or report.outcome != "passed"
        if not ended:
            return
        line = {
            "test": report.nodeid,
            "outcome": report.outcome,
            "groups": [value for name, value in report.user_properties if name == PROPERTY],
            "reason": read_reason(report) if report.skipped else "",
        }
        self._stream.write(json.dumps(line) + "\n")
        self._stream.flush()


def read_reason(report: pytest.TestReport) -> str:
    """Why a test was skipped."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Properties travel from the workers to the controller; markers do not."""
    for item in items:
        names = (group for group in GROUPS if item.get_closest_marker(group))
        item.user_properties.extend((PROPERTY, name) for name in names)


def pytest_configure(config: pytest.Config) -> None:
    path = os.environ.get(VARIABLE)
    if path and not hasattr(config, "workerinput"):
        stream = Path(path).open("a", encoding="utf-8")  # noqa: SIM115 - open until the session ends.
        config.pluginmanager.register(OutcomeWriter(stream), "press-outcomes")
        config.add_cleanup(stream.close)
