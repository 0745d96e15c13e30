"""The billing policy, where only the age of the generations tells the answers apart."""

from datetime import UTC, date, datetime

import pytest

from billing_bridge.policy import Decision, Undecided, Wanted, decide
from tests.billing_bridge.builders import make_generation

TODAY = date(2026, 11, 23)
DAY_1, DAY_2, DAY_3 = (datetime(2026, 11, day, tzinfo=UTC) for day in (1, 2, 3))


class TestSuccessor:
    def test_an_older_generation_of_the_next_plan_is_none(self) -> None:
        """From business to starter and back: the second business is not in the picture yet."""
        before = make_generation(
            lago_id="before",
            status="terminated",
            plan_code="business",
            next_plan_code="starter",
            created_at=DAY_1,
            started_at=DAY_1,
            ended_at=DAY_2,
        )
        last = make_generation(
            lago_id="last",
            status="terminated",
            plan_code="starter",
            next_plan_code="business",
            created_at=DAY_2,
            started_at=DAY_2,
            ended_at=DAY_3,
        )
        for picture in ([before, last], [last, before]):
            assert isinstance(decide("acme", picture, [], today=TODAY), Undecided)

    def test_a_newer_one_of_the_next_plan_that_was_cancelled_is_one(self) -> None:
        last = make_generation(
            lago_id="last",
            status="terminated",
            next_plan_code="business",
            created_at=DAY_1,
            started_at=DAY_1,
            ended_at=DAY_3,
        )
        dropped = make_generation(
            lago_id="dropped", status="canceled", plan_code="business", created_at=DAY_3, started_at=None
        )
        decision = decide("acme", [dropped, last], [], today=TODAY)
        assert isinstance(decision, Decision)
        assert (decision.wanted, decision.subject) == (Wanted.END, last)


class TestStanding:
    @pytest.mark.parametrize("turned", [False, True])
    def test_of_several_that_have_not_started_the_newest_decides(self, *, turned: bool) -> None:
        old = make_generation(lago_id="z", status="pending", created_at=DAY_1, started_at=None)
        new = make_generation(lago_id="a", status="incomplete", created_at=DAY_2, started_at=None)
        decision = decide("acme", [new, old] if turned else [old, new], [], today=TODAY)
        assert isinstance(decision, Decision)
        assert (decision.wanted, decision.subject) == (Wanted.HOLD, new)
        assert decision.reason is not None
        assert "incomplete" in decision.reason.message
