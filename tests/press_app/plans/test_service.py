"""Plans, on both databases."""

import pytest

from press_app.plans import service
from press_app.plans.errors import AppUnknown, PlanNotFound, PlanUnknown
from press_app.plans.rules import Entitlements
from press_app.work import journal
from press_app.work.unit_of_work import Work
from tests.factories.plans import make_plan


class TestSeed:
    def test_adds_the_three_plans_of_the_product(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            service.seed(uow)
        with work.read() as session:
            plans = {plan.code: plan for plan in service.list_plans(session)}
        assert list(plans) == ["starter", "business", "enterprise"]
        assert [plan.price_cents for plan in plans.values()] == [2900, 9900, None]
        assert plans["starter"].entitlements == Entitlements(sites=1, users=5, storage_gb=5, apps=("base",))
        assert plans["business"].entitlements == Entitlements(
            sites=3, users=25, storage_gb=25, apps=("base", "crm", "hr")
        )
        assert plans["enterprise"].entitlements == Entitlements(apps=("base", "crm", "hr"))

    def test_again_adds_nothing_and_keeps_what_an_operator_changed(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            assert len(service.seed(uow)) == 3
        with work.begin(actor="user:1") as uow:
            service.change_plan(uow, "starter", {"price_cents": 1900, "public": False})
        with work.begin(actor="test") as uow:
            assert service.seed(uow) == []
        with work.read() as session:
            assert service.get_plan(session, "starter").price_cents == 1900
            assert [plan.code for plan in service.list_plans(session)] == ["business", "enterprise"]
            assert len(service.list_plans(session, only_public=False)) == 3


class TestGetPlan:
    def test_knows_codes_to_the_letter(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            make_plan(uow, code="small")
        with work.read() as session:
            assert service.get_plan(session, "small").name == "Small"
            for code in ("Small", "small ", "", "smäll"):
                with pytest.raises(PlanUnknown) as refusal:
                    service.get_plan(session, code)
                assert (refusal.value.code, refusal.value.status) == ("plan_unknown", 422)
            with pytest.raises(PlanNotFound):
                service.read_plan(session, "other")


class TestChangePlan:
    def test_writes_down_who_changed_what(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            make_plan(uow)
        with work.begin(actor="user:7") as uow:
            plan = service.change_plan(uow, "small", {"apps": ["hr"], "max_users": None})
            assert (plan.apps, plan.max_users) == (["base", "hr"], None)
        with work.read() as session:
            (line,) = journal.list_timeline(session, "plan:small")
        assert line.actor == "user:7"
        assert line.data["before"] == {"apps": ["base"], "max_users": 5}

    def test_refuses_what_no_app_can_be_called(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            make_plan(uow)
        with pytest.raises(AppUnknown), work.begin(actor="test") as uow:
            service.change_plan(uow, "small", {"apps": ["Pay Roll"]})
