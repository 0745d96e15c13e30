"""The clock that can be moved, and what falls due on the way."""

from tests.billing_bridge.sandbox.driver import Driver
from tests.billing_bridge.sandbox.receiver import Receiver


def sent(lago: Driver, setup: int) -> list[str]:
    return lago.sent_types()[setup:]


class TestMove:
    def test_by_seconds_and_to_a_moment_but_never_back(self, lago: Driver) -> None:
        lago.advance(days=1)
        assert lago.get("/sandbox/clock")["now"].startswith("2026-03-11T10:00")
        lago.post("/sandbox/clock", {"now": "2026-05-01T00:00:00Z"})
        assert lago.get("/sandbox/clock")["now"].startswith("2026-05-01T00:00:0")
        refused = lago.post("/sandbox/clock", {"now": "2026-04-30T00:00:00Z"}, expect=422)
        assert refused["error_details"] == {"now": ["cannot_move_backwards"]}
        lago.post("/sandbox/clock", {"advance_seconds": -1}, expect=422)

    def test_objects_carry_the_moments_they_were_made_at(self, lago: Driver) -> None:
        lago.customer()
        lago.plan("starter", 3000)
        lago.subscribe("starter")
        lago.advance(days=92)
        dates = [each["issuing_date"] for each in lago.invoices()]
        assert dates == ["2026-06-01", "2026-05-01", "2026-04-01", "2026-03-10"]
        assert [each["total_amount_cents"] for each in lago.invoices()][:3] == [3000] * 3

    def test_arrears_are_billed_when_the_period_is_over(self, lago: Driver) -> None:
        lago.customer()
        lago.plan("late", 3100, pay_in_advance=False)
        lago.subscribe("late")
        lago.advance(days=60)
        billed = [(each["issuing_date"], each["total_amount_cents"]) for each in lago.invoices()]
        assert billed == [("2026-05-01", 3100), ("2026-04-01", 2200)]

    def test_anniversaries_count_from_the_start(self, lago: Driver) -> None:
        lago.customer()
        lago.plan("starter", 3000)
        lago.subscribe("starter", billing_time="anniversary")
        lago.advance(days=40)
        billed = [(each["issuing_date"], each["total_amount_cents"]) for each in lago.invoices()]
        assert billed == [("2026-04-10", 3000), ("2026-03-10", 3000)]


class TestEndingAt:
    def test_it_ends_with_its_day_hours_early(self, lago: Driver, receiver: Receiver) -> None:
        lago.customer()
        lago.plan("starter")
        lago.subscribe("starter", ending_at="2026-04-28T18:00:00Z")
        lago.advance(days=40)
        assert lago.sent_types().count("subscription.termination_alert") == 2
        lago.post("/sandbox/clock", {"now": "2026-04-28T00:00:01Z"})
        told = receiver.wait_for("subscription.terminated")[0].object
        assert told["terminated_at"] == "2026-04-28T00:00:00Z"

    def test_a_day_without_the_clock_leaves_it_alive_for_good(self, lago: Driver) -> None:
        lago.customer()
        lago.plan("starter")
        lago.subscribe("starter", ending_at="2026-03-20T18:00:00Z")
        lago.post("/sandbox/clock", {"now": "2026-03-25T00:00:00Z", "missed": True})
        lago.advance(days=30)
        live = lago.get("/subscriptions/acme-erp")["subscription"]
        assert (live["status"], live["ending_at"]) == ("active", "2026-03-20T18:00:00Z")

    def test_an_ending_must_lie_ahead(self, lago: Driver) -> None:
        lago.customer()
        lago.plan("starter")
        lago.subscribe("starter")
        refused = lago.put(
            "/subscriptions/acme-erp", {"subscription": {"ending_at": "2026-03-10T23:00:00Z"}}, expect=422
        )
        assert refused["error_details"] == {"ending_at": ["invalid_date"]}


class TestTrial:
    def test_it_ends_with_an_event_and_the_first_invoice(self, lago: Driver, receiver: Receiver) -> None:
        lago.customer()
        lago.plan("starter", 3100, trial_period=5)
        lago.subscribe("starter")
        assert sent(lago, 2) == ["subscription.started"]
        lago.advance(days=5)
        assert sent(lago, 3) == [
            "subscription.trial_ended",
            "invoice.created",
            "invoice.payment_status_updated",
        ]
        assert (
            receiver.wait_for("subscription.trial_ended")[0]
            .object["trial_ended_at"]
            .startswith("2026-03-15T10:00")
        )
        assert lago.invoices()[0]["total_amount_cents"] == 1700
