"""Names, and the table of what to do next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from press_app.sites import rules
from press_app.sites.errors import SiteNameInvalid
from press_app.sites.lifecycle import LIFECYCLE, SiteEvent, SiteStatus, Wanted
from press_app.sites.rules import Action

EVENTS = {
    Action.INSTALL: SiteEvent.INSTALL,
    Action.SUSPEND: SiteEvent.SUSPEND,
    Action.RESUME: SiteEvent.RESUME,
    Action.ARCHIVE: SiteEvent.ARCHIVE,
    Action.RESTORE: SiteEvent.RESTORE,
    Action.ABANDON: SiteEvent.ABANDON,
}


class TestNextAction:
    @pytest.mark.parametrize("status", list(SiteStatus))
    @pytest.mark.parametrize("wanted", list(Wanted))
    @pytest.mark.parametrize("is_held", [False, True])
    def test_asks_only_for_what_the_state_allows(
        self, status: SiteStatus, wanted: Wanted, is_held: bool
    ) -> None:
        action = rules.next_action(status, wanted, is_held=is_held)
        if action is not None:
            assert LIFECYCLE.can(status, EVENTS[action])
        if LIFECYCLE.is_working(status):
            assert action is None

    @pytest.mark.parametrize(
        ("wanted", "is_held", "end"),
        [
            (Wanted.RUNNING, False, {SiteStatus.ACTIVE}),
            (Wanted.RUNNING, True, {SiteStatus.SUSPENDED, SiteStatus.RESERVED, SiteStatus.ARCHIVED}),
            (Wanted.ARCHIVED, False, {SiteStatus.ARCHIVED, SiteStatus.PURGED}),
            (Wanted.ARCHIVED, True, {SiteStatus.ARCHIVED, SiteStatus.PURGED}),
        ],
    )
    def test_leads_from_every_resting_state_to_what_is_wanted(
        self, wanted: Wanted, is_held: bool, end: set[SiteStatus]
    ) -> None:
        for start in list(SiteStatus):
            if LIFECYCLE.is_working(start) or start in {SiteStatus.BROKEN, SiteStatus.PURGED}:
                continue
            status: SiteStatus = start
            steps = 0
            while (action := rules.next_action(status, wanted, is_held=is_held)) is not None:
                status = LIFECYCLE.next_state(status, EVENTS[action])
                status = LIFECYCLE.target_of(status) or status
                steps += 1
                assert steps < 5
            assert status in end, (start, status)


class TestNames:
    @given(wish=st.text(max_size=60), serial=st.integers(0, 10_000))
    def test_a_suggestion_is_always_a_good_name(self, wish: str, serial: int) -> None:
        name = rules.suggest_name(wish, serial)
        assert rules.check_name(name) == name

    @given(wish=st.text(max_size=60))
    def test_serials_make_different_names(self, wish: str) -> None:
        assert len({rules.suggest_name(wish, serial) for serial in range(5)}) == 5

    @given(name=st.text(alphabet="ab1-", min_size=3, max_size=41))
    def test_what_passes_is_a_host_label(self, name: str) -> None:
        try:
            rules.check_name(name)
        except SiteNameInvalid:
            return
        assert name[0].isalpha()
        assert "--" not in name
        assert name[-1] != "-"
        assert len(name) <= 40
