"""Features with their privileges; editing one is told once, and to each plan that carries it."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing_bridge.sandbox.errors import NotFoundError, ValidationError
from billing_bridge.sandbox.model import Feature, Plan
from billing_bridge.sandbox.work import Work

VALUE_TYPES = ("integer", "string", "boolean", "select")


def create_feature(work: Work, given: dict[str, Any]) -> Feature:
    """Store a feature. Raises ValidationError on a missing or taken code, or a bad privilege."""
    code = str(given.get("code") or "").strip()
    if not code:
        raise ValidationError(code=["value_is_mandatory"])
    if find_feature(work.session, code) is not None:
        raise ValidationError(code=["value_already_exist"])
    feature = Feature(
        code=code,
        name=given.get("name"),
        description=given.get("description"),
        privileges=[_privilege(each) for each in given.get("privileges") or []],
        created_at=work.now,
    )
    work.session.add(feature)
    work.emit("feature.created", feature)
    return feature


def update_feature(work: Work, feature: Feature, given: dict[str, Any]) -> None:
    """Change name, description; add privileges, or change those that exist by code."""
    if "name" in given:
        feature.name = given["name"]
    if "description" in given:
        feature.description = given["description"]
    known = {each["code"]: each for each in feature.privileges}
    for each in given.get("privileges") or []:
        known[str(each.get("code"))] = _privilege(known.get(str(each.get("code")), {}) | each)
    feature.privileges = list(known.values())
    _tell(work, feature, "feature.updated")


def delete_feature(work: Work, feature: Feature) -> None:
    """Take it from every plan. A subscription that has it by override only is told nothing, as with Lago."""
    feature.deleted_at = work.now
    carriers = _carriers(work.session, feature)
    for plan in carriers:
        plan.entitlements = {
            code: values for code, values in plan.entitlements.items() if code != feature.code
        }
    work.emit("feature.deleted", feature)
    for plan in carriers:
        work.emit("plan.updated", plan)


def delete_privilege(work: Work, feature: Feature, code: str) -> None:
    """Take one privilege away, everywhere. Raises NotFoundError."""
    if code not in {each["code"] for each in feature.privileges}:
        raise NotFoundError("privilege")
    feature.privileges = [each for each in feature.privileges if each["code"] != code]
    _tell(work, feature, "feature.updated")


def find_feature(session: Session, code: str) -> Feature | None:
    """The living feature of this code."""
    return session.scalar(select(Feature).where(Feature.code == code, Feature.deleted_at.is_(None)))


def get_feature(session: Session, code: str) -> Feature:
    """The living feature of this code. Raises NotFoundError."""
    feature = find_feature(session, code)
    if feature is None:
        raise NotFoundError("feature")
    return feature


def _carriers(session: Session, feature: Feature) -> list[Plan]:
    plans = session.scalars(select(Plan).where(Plan.deleted_at.is_(None)))
    return [plan for plan in plans if feature.code in plan.entitlements]


def _tell(work: Work, feature: Feature, webhook_type: str) -> None:
    work.emit(webhook_type, feature)
    for plan in _carriers(work.session, feature):
        work.emit("plan.updated", plan)


def _privilege(given: dict[str, Any]) -> dict[str, Any]:
    code, value_type = given.get("code"), given.get("value_type") or "string"
    config = given.get("config") or {}
    if not code:
        raise ValidationError(**{"privilege.code": ["value_is_mandatory"]})
    if value_type not in VALUE_TYPES:
        raise ValidationError(**{"privilege.value_type": ["value_is_invalid"]})
    if value_type == "select" and not config.get("select_options"):
        raise ValidationError(**{"privilege.config": ["invalid_format"]})
    return {"code": code, "name": given.get("name"), "value_type": value_type, "config": config}
