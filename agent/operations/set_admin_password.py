"""Give a person of a site a new password."""

from enum import StrEnum

from agent.operations import sites
from agent.operations.base import Context, Operation, Step, Urgency, no_result
from agent.operations.params import Login, SecretRef, SiteParams


class SetAdminPasswordParams(SiteParams):
    """Whose password, and where the new one is fetched."""

    login: Login
    password: SecretRef

    @property
    def secret_refs(self) -> tuple[str, ...]:
        return (self.password,)


class Key(StrEnum):
    LOOK = "look"
    PASSWORD = "ensure_password"  # noqa: S105 - the name of a step


def _set(context: Context[SetAdminPasswordParams]) -> bool:
    params = context.params
    password = context.get_secret(params.password).reveal()
    return context.engine.ensure_admin_password(params.bench_id, params.site_id, params.login, password)


OPERATION = Operation(
    name="set_admin_password",
    params=SetAdminPasswordParams,
    target="site",
    urgency=Urgency.DEFAULT,
    purpose="set a password",
    steps=(
        Step(key=Key.LOOK, title="Look how the site stands", run=sites.look),
        Step(key=Key.PASSWORD, title="Set the password", run=_set),
    ),
    result=no_result,
)
