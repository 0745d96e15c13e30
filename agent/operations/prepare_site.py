"""Make a site that belongs to nobody yet, so that the next order finds it ready."""

from enum import StrEnum
from typing import Any

from agent.engines.port import SiteSpec
from agent.operations import sites
from agent.operations.base import Context, Operation, Step, Urgency
from agent.operations.params import Apps, LocaleParams, Login, SecretRef, SiteParams, find_locale

NOBODY = "nobody.invalid"
"""Stands for the tenant until there is one; no request can lead to a name that ends so (RFC 2606)."""


class PrepareSiteParams(SiteParams):
    """Where, with which apps, and the password that its owner will have."""

    apps: Apps
    login: Login
    password: SecretRef
    locale: LocaleParams | None = None

    @property
    def secret_refs(self) -> tuple[str, ...]:
        return (self.password,)


class Key(StrEnum):
    LOOK = "look"
    TEMPLATE = "ensure_template"
    CLONE = "ensure_cloned"
    CONFIGURE = "ensure_configured"


def _spec(context: Context[PrepareSiteParams]) -> SiteSpec:
    params = context.params
    return SiteSpec(
        bench_id=params.bench_id,
        site_id=params.site_id,
        hostname=f"{params.site_id}.{NOBODY}",
        apps=params.apps,
        admin_login=params.login,
        admin_email=f"{params.login}@{NOBODY}",
        admin_password=context.get_secret(params.password).reveal(),
        company="Spare",
        locale=find_locale(params.locale),
        is_spare=True,
    )


def _make_template(context: Context[PrepareSiteParams]) -> bool:
    params = context.params
    locale = find_locale(params.locale)
    return context.engine.ensure_template(params.bench_id, params.apps, locale, context.progress)


def _clone(context: Context[PrepareSiteParams]) -> bool:
    return context.engine.ensure_site_cloned(_spec(context))


def _configure(context: Context[PrepareSiteParams]) -> bool:
    return context.engine.ensure_site_configured(_spec(context))


def _result(context: Context[PrepareSiteParams]) -> dict[str, Any]:
    return {"size_bytes": sites.get_site(context).size_bytes}


OPERATION = Operation(
    name="prepare_site",
    params=PrepareSiteParams,
    target="site",
    urgency=Urgency.SLOW,
    purpose="prepare a site for the next order",
    steps=(
        Step(key=Key.LOOK, title="Look what stands there", run=sites.look_whether_it_exists),
        Step(key=Key.TEMPLATE, title="Find the template", run=_make_template),
        Step(key=Key.CLONE, title="Clone the template", run=_clone, undo=sites.drop_what_was_made),
        Step(key=Key.CONFIGURE, title="Set the owner's password", run=_configure),
    ),
    result=_result,
)
