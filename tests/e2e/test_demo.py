"""The demo is the promise to the customer; it must hold from the command line."""

import json

import pytest

from tests.e2e.platform import Platform

pytestmark = [pytest.mark.platform, pytest.mark.timeout(300)]

ACTS = [
    "active",
    "login",
    "data",
    "unpaid",
    "held",
    "paid",
    "kept",
    "archived",
    "backup",
    "gone",
    "undone",
    "back",
]


def test_every_promise_of_a_subscription_holds(platform: Platform) -> None:
    done = platform.press("demo", "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert said["ok"]
    assert [step["key"] for step in said["steps"] if step["key"] in ACTS] == ACTS
    assert all(step["held"] and step["seconds"] >= 0 for step in said["steps"])


def test_a_demo_without_lago_fails_in_one_sentence(platform: Platform) -> None:
    done = platform.press("demo", "--lago-url", "http://127.0.0.1:9", "--json")
    assert done.returncode == 3
    assert json.loads(done.stderr)["code"] == "lago_unreachable"
    assert not json.loads(done.stdout)["ok"]


def test_only_the_tenant_can_be_made(platform: Platform) -> None:
    done = platform.press("demo", "--create-only", "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert said["login_url"].startswith(said["url"])
    assert "#" in said["login_url"]
