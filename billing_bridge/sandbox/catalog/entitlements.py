"""What plans and subscriptions grant: values of a feature's privileges, with overrides and removals."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from billing_bridge.sandbox.catalog.features import get_feature
from billing_bridge.sandbox.errors import NotFoundError, ValidationError
from billing_bridge.sandbox.model import Plan, Subscription
from billing_bridge.sandbox.work import Work

Values = dict[str, dict[str, Any]]


def set_plan_entitlements(work: Work, plan: Plan, given: Any, *, merge: bool) -> None:
    """Replace or merge a plan's values; one plan.updated, nothing per subscription."""
    values = _checked(work.session, given)
    plan.entitlements = _merged(plan.entitlements, values) if merge else values
    work.emit("plan.updated", plan)


def remove_plan_entitlement(work: Work, plan: Plan, feature: str, privilege: str | None = None) -> None:
    """Take a feature, or one privilege of it, from a plan. Raises NotFoundError."""
    _require(plan.entitlements, feature, privilege)
    plan.entitlements = _without(plan.entitlements, feature, privilege)
    work.emit("plan.updated", plan)


def override_entitlements(work: Work, subscription: Subscription, given: Any) -> None:
    """Merge values for this generation only; subscription.updated is sent even when nothing changed."""
    values = _checked(work.session, given)
    subscription.overrides = _merged(subscription.overrides, values)
    given_back = set(values) | {f"{feature}/{code}" for feature, codes in values.items() for code in codes}
    subscription.removals = [each for each in subscription.removals if each not in given_back]
    work.emit("subscription.updated", subscription)


def remove_entitlement(
    work: Work, subscription: Subscription, feature: str, privilege: str | None = None
) -> None:
    """Take a feature, or one privilege of it, from this generation. Raises NotFoundError."""
    _require(granted(subscription), feature, privilege)
    subscription.overrides = _without(subscription.overrides, feature, privilege)
    subscription.removals = [*subscription.removals, f"{feature}/{privilege}" if privilege else feature]
    work.emit("subscription.updated", subscription)


def granted(subscription: Subscription) -> Values:
    """The values that hold for a subscription: the plan's, its own over them, less what was removed."""
    values = _merged(subscription.plan.entitlements, subscription.overrides)
    for removal in subscription.removals:
        feature, _, privilege = str(removal).partition("/")
        values = _without(values, feature, privilege or None)
    return values


def _checked(session: Session, given: Any) -> Values:
    """Known features, known privileges, values of the right type. Raises NotFoundError or ValidationError."""
    if not isinstance(given, Mapping):
        raise ValidationError(entitlements=["value_is_mandatory"])
    values: Values = {}
    for feature_code, privileges in given.items():
        feature = get_feature(session, feature_code)
        kinds = {each["code"]: each for each in feature.privileges}
        values[feature_code] = {}
        for code, value in (privileges or {}).items():
            if code not in kinds:
                raise NotFoundError("privilege")
            values[feature_code][code] = _cast(kinds[code], value)
    return values


def _cast(privilege: Mapping[str, Any], value: Any) -> Any:
    """Values are kept as text by Lago and given back by the privilege's type."""
    field = f"{privilege['code']}_privilege_value"
    if not isinstance(value, str | int | bool):
        raise ValidationError(**{field: ["value_is_invalid"]})
    if privilege["value_type"] == "select" and value not in privilege["config"].get("select_options", []):
        raise ValidationError(**{field: ["value_not_in_select_options"]})
    if privilege["value_type"] == "integer":
        try:
            return int(value)
        except ValueError as error:
            raise ValidationError(**{field: ["value_is_invalid"]}) from error
    if privilege["value_type"] == "boolean":
        return str(value).lower() in ("true", "t", "1")
    return str(value)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Values:
    return {code: {**base.get(code, {}), **over.get(code, {})} for code in {**base, **over}}


def _require(values: Mapping[str, Any], feature: str, privilege: str | None) -> None:
    if feature not in values:
        raise NotFoundError("entitlement")
    if privilege is not None and privilege not in values[feature]:
        raise NotFoundError("privilege")


def _without(values: Mapping[str, Any], feature: str, privilege: str | None) -> Values:
    kept = {code: dict(each) for code, each in values.items() if privilege is not None or code != feature}
    if privilege is not None:
        kept.get(feature, {}).pop(privilege, None)
    return kept
