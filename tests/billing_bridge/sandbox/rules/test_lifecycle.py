"""Subscription rules."""

from datetime import UTC, datetime

import pytest

from billing_bridge.sandbox.rules.lifecycle import (
    TRANSITIONS,
    Change,
    Status,
    Step,
    advance,
    decide_change,
    is_in_trial,
    yearly_amount_cents,
)

AT = datetime(2026, 3, 10, 10, tzinfo=UTC)


class TestAdvance:
    @pytest.mark.parametrize("status", list(Status))
    @pytest.mark.parametrize("step", list(Step))
    def test_the_table_is_the_law(self, status: Status, step: Step) -> None:
        if (status, step) in TRANSITIONS:
            assert advance(status, step) == TRANSITIONS[status, step]
        else:
            with pytest.raises(ValueError, match="nothing was changed"):
                advance(status, step)

    def test_ends_are_final(self) -> None:
        assert not [status for status, _ in TRANSITIONS if status in (Status.TERMINATED, Status.CANCELED)]


class TestDecideChange:
    def decide(self, current: tuple[int, str], new: tuple[int, str], **overrides: bool) -> Change:
        given = {"same_plan": False, "starts_later": False} | overrides
        return decide_change(
            current_yearly=yearly_amount_cents(*current), new_yearly=yearly_amount_cents(*new), **given
        )

    def test_the_same_plan_changes_nothing(self) -> None:
        assert self.decide((2900, "monthly"), (2900, "monthly"), same_plan=True) == Change.NONE

    def test_a_future_start_is_edited_in_place(self) -> None:
        assert self.decide((2900, "monthly"), (9900, "monthly"), starts_later=True) == Change.EDIT

    def test_equal_yearly_amounts_are_an_upgrade(self) -> None:
        assert self.decide((1000, "monthly"), (12000, "yearly")) == Change.UPGRADE

    def test_a_cheaper_year_is_a_downgrade_whatever_the_interval(self) -> None:
        assert self.decide((30000, "yearly"), (2400, "monthly")) == Change.DOWNGRADE
        assert self.decide((100, "weekly"), (400, "monthly")) == Change.DOWNGRADE


class TestIsInTrial:
    def test_it_ends_to_the_second(self) -> None:
        assert is_in_trial(AT, 1, AT.replace(day=11, hour=9, minute=59))
        assert not is_in_trial(AT, 1, AT.replace(day=11))

    def test_no_days_are_no_trial(self) -> None:
        assert not is_in_trial(AT, 0, AT)
