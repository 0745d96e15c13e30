"""Let a token log a person in once."""

from enum import StrEnum
from typing import Any

from agent.operations import sites
from agent.operations.base import Context, Operation, Step, Urgency
from agent.operations.params import Login, SecretRef, SiteParams, TtlSeconds


class CreateLoginLinkParams(SiteParams):
    """Who may enter, for how long, and where the token is fetched."""

    login: Login
    token: SecretRef
    ttl_seconds: TtlSeconds

    @property
    def secret_refs(self) -> tuple[str, ...]:
        return (self.token,)


class Key(StrEnum):
    LOOK = "look"
    TOKEN = "ensure_token"  # noqa: S105 - the name of a step


def _allow(context: Context[CreateLoginLinkParams]) -> bool:
    params = context.params
    context.notes["path"] = context.engine.ensure_login_token(
        params.bench_id,
        params.site_id,
        params.login,
        context.get_secret(params.token).reveal(),
        params.ttl_seconds,
    )
    return True


def _result(context: Context[CreateLoginLinkParams]) -> dict[str, Any]:
    return {"path": context.notes["path"]}


OPERATION = Operation(
    name="create_login_link",
    params=CreateLoginLinkParams,
    target="site",
    urgency=Urgency.URGENT,
    purpose="make a login link",
    steps=(
        Step(key=Key.LOOK, title="Look how the site stands", run=sites.look),
        Step(key=Key.TOKEN, title="Let the token in once", run=_allow),
    ),
    result=_result,
)
