"""The retry schedule's figures."""

from billing_bridge.sandbox.rules.deliveries import SUCCESS, wait_seconds


class TestWaitSeconds:
    def test_about_three_then_eighteen_to_twenty_seconds(self) -> None:
        assert (wait_seconds(1, 0, 1), wait_seconds(2, 0, 1)) == (3, 18)
        assert wait_seconds(1, 1, 1) == 3.15
        assert wait_seconds(2, 1, 1) == 20.4

    def test_tests_may_be_short_of_time(self) -> None:
        assert wait_seconds(2, 0, 0.01) == 0.18


def test_only_four_answers_count() -> None:
    assert {200, 201, 202, 204} == SUCCESS
