"""The billing policy: every rule of it, and what must hold for anything that Lago may report."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_bridge.policy import Decision, Generation, Invoice, Undecided, Wanted, decide
from tests.billing_bridge.builders import make_debt, make_generation

TODAY = date(2026, 11, 23)
DAY_1 = datetime(2026, 11, 1, tzinfo=UTC)
DAY_2 = datetime(2026, 11, 2, tzinfo=UTC)
STATUSES = ["active", "pending", "incomplete", "terminated", "canceled", "hibernating"]


def run(
    generations: list[Generation], invoices: list[Invoice] | None = None, grace_days: int = 0
) -> Decision:
    decision = decide("acme", generations, invoices or [], today=TODAY, grace_days=grace_days)
    assert isinstance(decision, Decision)
    return decision


class TestRun:
    def test_an_active_subscription_without_debt_runs(self) -> None:
        decision = run([make_generation()])
        assert (decision.wanted, decision.reason) == (Wanted.RUN, None)

    def test_an_upgrade_runs_on_the_new_generation_in_any_order(self) -> None:
        old = make_generation(lago_id="old", status="terminated", ended_at=DAY_2, next_plan_code="business")
        new = make_generation(lago_id="new", plan_code="business", created_at=DAY_2)
        for order in ([old, new], [new, old]):
            assert run(order).subject is new

    def test_a_gated_upgrade_keeps_the_old_plan_running(self) -> None:
        old = make_generation(lago_id="old")
        gated = make_generation(lago_id="new", status="incomplete", plan_code="business", created_at=DAY_2)
        assert run([gated, old]).subject is old

    def test_a_failed_gated_upgrade_keeps_the_old_plan_running(self) -> None:
        failed = make_generation(lago_id="new", status="canceled", plan_code="business", created_at=DAY_2)
        assert run([failed, make_generation()]).wanted is Wanted.RUN

    def test_a_cancelled_pending_change_keeps_running(self) -> None:
        change = make_generation(lago_id="new", status="canceled", plan_code="small", ended_at=DAY_2)
        assert run([make_generation(), change]).wanted is Wanted.RUN

    def test_of_two_active_generations_the_newer_counts(self) -> None:
        old, new = (make_generation(lago_id=i, started_at=day) for i, day in (("a", DAY_1), ("b", DAY_2)))
        assert run([new, old]).subject is new


class TestHold:
    @pytest.mark.parametrize(
        "debt",
        [
            {"payment_status": "failed"},
            {"payment_status": "pending", "payment_overdue": True},
            {"payment_status": "failed", "payment_overdue": True},
            {"lago_customer_id": ""},
        ],
    )
    def test_a_failed_or_overdue_invoice_holds(self, debt: dict[str, object]) -> None:
        decision = run([make_generation()], [make_debt(**debt)])
        assert decision.wanted is Wanted.HOLD
        assert decision.reason is not None
        assert (decision.reason_code, decision.reason.invoices) == ("unpaid", ("inv-1",))

    @pytest.mark.parametrize(
        "harmless",
        [
            {"status": "draft"},
            {"status": "voided"},
            {"status": "failed"},
            {"status": "pending"},
            {"invoice_type": "one_off"},
            {"invoice_type": "add_on"},
            {"invoice_type": "credit"},
            {"payment_status": "pending"},
            {"payment_status": "succeeded"},
            {"payment_status": "succeeded", "payment_overdue": True},
            {"subscriptions": frozenset({"other"})},
            {"subscriptions": frozenset()},
            {"lago_customer_id": "cus-2"},
            {"lago_customer_id": "cus-2", "external_customer_id": "acme-inc"},
            {"lago_customer_id": "", "external_customer_id": "other-inc"},
        ],
    )
    def test_what_is_no_debt_of_this_subscription_does_not_hold(self, harmless: dict[str, object]) -> None:
        assert run([make_generation()], [make_debt(**harmless)]).wanted is Wanted.RUN

    def test_debt_of_an_older_generation_of_the_same_customer_holds(self) -> None:
        old = make_generation(lago_id="old", status="terminated", next_plan_code="business")
        new = make_generation(lago_id="new", plan_code="business", started_at=DAY_2)
        assert run([old, new], [make_debt()]).wanted is Wanted.HOLD

    @pytest.mark.parametrize(("grace_days", "wanted"), [(0, "hold"), (2, "hold"), (3, "hold"), (4, "run")])
    def test_grace_counts_from_the_due_date_of_an_overdue_invoice(self, grace_days: int, wanted: str) -> None:
        due = make_debt(
            payment_overdue=True, payment_due_date=date(2026, 11, 20), issuing_date=date(2026, 10, 1)
        )
        assert run([make_generation()], [due], grace_days).wanted == wanted

    @pytest.mark.parametrize(("grace_days", "wanted"), [(22, "hold"), (23, "run")])
    def test_grace_counts_from_the_issue_of_a_failed_invoice(self, grace_days: int, wanted: str) -> None:
        failed = make_debt(issuing_date=date(2026, 11, 1), payment_due_date=date(2026, 12, 1))
        assert run([make_generation()], [failed], grace_days).wanted == wanted

    def test_without_any_date_there_is_no_grace(self) -> None:
        assert run([make_generation()], [make_debt()], 30).wanted is Wanted.HOLD

    @pytest.mark.parametrize("status", ["pending", "incomplete", "hibernating"])
    def test_what_has_not_started_is_held_and_makes_no_site(self, status: str) -> None:
        decision = run([make_generation(status=status)])
        assert (decision.wanted, decision.reason_code) == (Wanted.HOLD, "not_active")
        assert not decision.makes_a_site

    def test_the_message_names_at_most_three_invoices(self) -> None:
        debts = [
            make_debt(lago_id=f"inv-{n}", number=f"INV-{n}", issuing_date=date(2026, 11, n))
            for n in range(1, 6)
        ]
        reason = run([make_generation()], debts).reason
        assert reason is not None
        expected = (
            "Invoices INV-1 of 2026-11-01, INV-2 of 2026-11-02, INV-3 of 2026-11-03 and 2 more are unpaid."
        )
        assert reason.message == expected
        assert len(reason.invoices) == 5


class TestEnd:
    def test_a_terminated_subscription_ends_with_its_code(self) -> None:
        decision = run([make_generation(status="terminated", ended_at=DAY_2)])
        assert (decision.wanted, decision.reason_code) == (Wanted.END, "terminated")

    def test_a_pending_successor_prevents_the_end(self) -> None:
        ended = make_generation(lago_id="old", status="terminated", next_plan_code="small")
        pending = make_generation(lago_id="new", status="pending", plan_code="small")
        assert run([ended, pending]).wanted is Wanted.HOLD

    def test_a_plan_change_without_its_successor_is_undecided(self) -> None:
        torn = make_generation(status="terminated", next_plan_code="business")
        assert isinstance(decide("acme", [torn], [], today=TODAY), Undecided)

    def test_a_cancelled_successor_lets_it_end(self) -> None:
        ended = make_generation(lago_id="old", status="terminated", next_plan_code="small", created_at=DAY_1)
        dropped = make_generation(lago_id="new", status="canceled", plan_code="small", created_at=DAY_2)
        assert run([ended, dropped]).wanted is Wanted.END

    def test_an_upgrade_that_was_terminated_ends(self) -> None:
        old = make_generation(lago_id="old", status="terminated", ended_at=DAY_1, next_plan_code="business")
        new = make_generation(lago_id="new", status="terminated", ended_at=DAY_2, plan_code="business")
        assert run([new, old]).subject is new

    def test_debt_does_not_turn_an_end_into_a_hold(self) -> None:
        assert run([make_generation(status="terminated")], [make_debt()]).wanted is Wanted.END

    def test_an_unknown_id_is_not_decided(self) -> None:
        assert decide("acme", [make_generation(external_id="other")], [], today=TODAY) is None


generations = st.builds(
    make_generation,
    lago_id=st.sampled_from(["g1", "g2", "g3", "g4"]),
    external_id=st.sampled_from(["acme", "other"]),
    status=st.sampled_from(STATUSES),
    lago_customer_id=st.sampled_from(["cus-1", "cus-2"]),
    plan_code=st.sampled_from(["starter", "business"]),
    next_plan_code=st.sampled_from([None, "starter", "business"]),
    created_at=st.sampled_from([None, DAY_1, DAY_2]),
    started_at=st.sampled_from([None, DAY_1, DAY_2]),
    ended_at=st.sampled_from([None, DAY_1, DAY_2]),
)
debts = st.builds(
    make_debt,
    lago_id=st.sampled_from(["i1", "i2", "i3"]),
    status=st.sampled_from(["draft", "finalized", "voided"]),
    invoice_type=st.sampled_from(["subscription", "one_off"]),
    payment_status=st.sampled_from(["pending", "failed", "succeeded"]),
    payment_overdue=st.booleans(),
    lago_customer_id=st.sampled_from(["cus-1", "cus-2"]),
    subscriptions=st.sampled_from([frozenset({"acme"}), frozenset({"other"}), frozenset({"acme", "other"})]),
)
pictures = st.lists(generations, max_size=6, unique_by=lambda g: g.lago_id)
ledgers = st.lists(debts, max_size=4, unique_by=lambda i: i.lago_id)


class TestWhateverLagoReports:
    @given(pictures, ledgers)
    def test_nothing_ends_while_anything_stands(
        self, picture: list[Generation], ledger: list[Invoice]
    ) -> None:
        decision = decide("acme", picture, ledger, today=TODAY)
        standing = [
            g for g in picture if g.external_id == "acme" and g.status not in {"terminated", "canceled"}
        ]
        if standing:
            assert isinstance(decision, Decision)
            assert decision.wanted is not Wanted.END

    @given(pictures, ledgers)
    def test_only_an_active_subscription_runs(self, picture: list[Generation], ledger: list[Invoice]) -> None:
        decision = decide("acme", picture, ledger, today=TODAY)
        if isinstance(decision, Decision) and decision.wanted is Wanted.RUN:
            assert decision.subject.status == "active"
            assert decision.subject.external_id == "acme"

    @given(pictures, ledgers, st.randoms(use_true_random=False))
    def test_order_and_repetition_change_nothing(
        self, picture: list[Generation], ledger: list[Invoice], random: object
    ) -> None:
        shuffled, doubled = picture * 2, ledger * 2
        random.shuffle(shuffled)  # type: ignore[attr-defined]
        random.shuffle(doubled)  # type: ignore[attr-defined]
        assert decide("acme", shuffled, doubled, today=TODAY) == decide("acme", picture, ledger, today=TODAY)

    @given(pictures, ledgers)
    def test_another_customers_invoice_changes_nothing(
        self, picture: list[Generation], ledger: list[Invoice]
    ) -> None:
        foreign = make_debt(lago_id="foreign", lago_customer_id="cus-9")
        before = decide("acme", picture, ledger, today=TODAY)
        assert decide("acme", picture, [*ledger, foreign], today=TODAY) == before

    @given(pictures, ledgers, st.integers(0, 60))
    def test_more_grace_never_holds_more(
        self, picture: list[Generation], ledger: list[Invoice], grace_days: int
    ) -> None:
        without = decide("acme", picture, ledger, today=TODAY)
        with_grace = decide("acme", picture, ledger, today=TODAY, grace_days=grace_days)
        if isinstance(without, Decision) and without.wanted is Wanted.RUN:
            assert with_grace == without
