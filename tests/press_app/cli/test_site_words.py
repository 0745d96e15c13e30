"""A site explained in words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from press_app.cli.site_words import MEANING, explain, tell_next
from press_app.sites.lifecycle import SiteStatus

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def make_site(**overrides: Any) -> dict[str, Any]:
    return {
        "name": "martin",
        "hostname": "martin.localhost",
        "status": "active",
        "target_status": None,
        "wanted": "running",
        "status_since": (NOW - timedelta(hours=3)).isoformat(),
        "holds": [],
        "error": None,
        "retry_at": None,
        "undo_until": None,
        **overrides,
    }


HOLD = {"kind": "billing", "message": "Unpaid.", "placed_by": "token:1", "placed_at": NOW.isoformat()}


def test_every_state_has_a_meaning() -> None:
    assert set(MEANING) == {status.value for status in SiteStatus}


@pytest.mark.parametrize(
    ("site", "said"),
    [
        (make_site(), "as it should be"),
        (make_site(holds=[HOLD]), "is suspended, because it is held"),
        (make_site(status="suspended", holds=[HOLD]), "when the last hold is lifted"),
        (make_site(status="suspended"), "is opened again"),
        (make_site(status="reserved"), "as soon as a bench has room"),
        (make_site(status="installing", target_status="active"), "ends with active"),
        (make_site(status="broken"), "press site retry"),
        (make_site(wanted="archived"), "backed up and archived"),
        (make_site(status="archived", wanted="archived"), "press site undo"),
        (make_site(status="archived"), "brought back from its backup"),
        (make_site(status="purged", wanted="archived"), "nothing"),
        (make_site(status="reserved", retry_at=(NOW + timedelta(minutes=5)).isoformat()), "in 5 min"),
        (
            make_site(status="archived", wanted="archived", undo_until=(NOW + timedelta(days=3)).isoformat()),
            "in 3 days; its archive is kept",
        ),
        (
            make_site(status="archived", wanted="archived", undo_until=(NOW - timedelta(days=3)).isoformat()),
            "nothing; the time to bring it back is over, and its archive is kept",
        ),
    ],
)
def test_what_comes_next(site: dict[str, Any], said: str) -> None:
    assert said in tell_next(site, now=NOW)


def test_the_last_error_is_told_with_its_step() -> None:
    error = {"step": "clone", "message": "The disk is full."}
    assert "Last error at step 'clone': The disk is full." in explain(
        make_site(status="broken", error=error), now=NOW
    )


def test_each_hold_is_told() -> None:
    assert "  billing hold by token:1, 0 ms ago: Unpaid." in explain(make_site(holds=[HOLD]), now=NOW)
