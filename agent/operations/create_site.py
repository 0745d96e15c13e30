"""Make a site from the ready template and see it answer."""

from enum import StrEnum
from typing import Any, Self

from pydantic import model_validator

from agent.engines.port import SiteSpec
from agent.engines.shelf import BenchRecord
from agent.operations import sites
from agent.operations.base import Context, Operation, Step, Urgency
from agent.operations.errors import SpareMissing
from agent.operations.params import (
    Apps,
    Email,
    Hostname,
    Line,
    LocaleParams,
    Login,
    SecretRef,
    SiteParams,
    Strict,
    TtlSeconds,
    find_locale,
)


class Admin(Strict):
    """Who owns the site."""

    login: Login
    email: Email
    password: SecretRef | None


class FirstLogin(Strict):
    """A token that lets the owner in once, so that who waits for the site need not ask for it then."""

    token: SecretRef
    ttl_seconds: TtlSeconds


class Company(Strict):
    """Whose books are kept there."""

    name: Line


class CreateSiteParams(SiteParams):
    """Where, under which name, with which apps, for whom."""

    hostname: Hostname
    apps: Apps
    admin: Admin
    company: Company
    locale: LocaleParams | None = None
    prepared: bool = False
    """The site was made by ``prepare_site`` and has its password; it only gets its tenant."""
    first_login: FirstLogin | None = None

    @model_validator(mode="after")
    def _has_one_password(self) -> Self:
        if self.prepared is not (self.admin.password is None):
            raise ValueError("a prepared site has its password, any other needs one")
        return self

    @property
    def secret_refs(self) -> tuple[str, ...]:
        password, login = self.admin.password, self.first_login
        return (
            *(() if password is None else (password,)),
            *(() if login is None else (login.token,)),
        )


class Key(StrEnum):
    LOOK = "look"
    TEMPLATE = "ensure_template"
    CLONE = "ensure_cloned"
    CONFIGURE = "ensure_configured"
    SERVE = "ensure_serving"
    LOGIN = "ensure_first_login"
    PROBE = "probe"


def _spec(context: Context[CreateSiteParams]) -> SiteSpec:
    params = context.params
    ref = params.admin.password
    return SiteSpec(
        bench_id=params.bench_id,
        site_id=params.site_id,
        hostname=params.hostname,
        apps=params.apps,
        admin_login=params.admin.login,
        admin_email=params.admin.email,
        admin_password="" if ref is None else context.get_secret(ref).reveal(),
        company=params.company.name,
        locale=find_locale(params.locale),
        keeps_password=params.prepared,
    )


def _look(context: Context[CreateSiteParams]) -> bool:
    """Note whether the site stands; a prepared one must, and goes with the job when that fails."""
    sites.look_whether_it_exists(context)
    if not context.params.prepared:
        return False
    if not context.notes["existed"]:
        raise SpareMissing(
            "The prepared site is not on this bench; nothing was touched. Send the job as one for a new site."
        )
    context.notes["existed"] = False
    return False


def _make_template(context: Context[CreateSiteParams]) -> bool:
    """The first site of its country, or with these apps, waits for its template; all others find it."""
    params = context.params
    if params.prepared:
        return False
    locale = find_locale(params.locale)
    made = context.engine.ensure_template(params.bench_id, params.apps, locale, context.progress)
    context.notes["is_from_scratch"] = made or context.notes.get("is_from_scratch", False)
    return made


def _clone(context: Context[CreateSiteParams]) -> bool:
    return context.engine.ensure_site_cloned(_spec(context))


def _configure(context: Context[CreateSiteParams]) -> bool:
    return context.engine.ensure_site_configured(_spec(context))


def _serve(context: Context[CreateSiteParams]) -> bool:
    params = context.params
    return context.engine.ensure_site_serving(params.bench_id, params.site_id, params.hostname)


def _allow_login(context: Context[CreateSiteParams]) -> bool:
    params = context.params
    if params.first_login is None:
        return False
    context.notes["login_path"] = context.engine.ensure_login_token(
        params.bench_id,
        params.site_id,
        params.admin.login,
        context.get_secret(params.first_login.token).reveal(),
        params.first_login.ttl_seconds,
    )
    return True


def _result(context: Context[CreateSiteParams]) -> dict[str, Any]:
    record = context.host.engines.find_record(context.params.bench_id)
    modules = record.modules.get(BenchRecord.key(context.params.apps)) if record is not None else None
    return {
        "size_bytes": sites.get_site(context).size_bytes,
        "created_from": _find_source(context),
        "modules": modules or [],
        "login_path": context.notes.get("login_path"),
    }


def _find_source(context: Context[CreateSiteParams]) -> str:
    if context.params.prepared:
        return "spare"
    return "scratch" if context.notes["is_from_scratch"] else "template"


OPERATION = Operation(
    name="create_site",
    params=CreateSiteParams,
    target="site",
    urgency=Urgency.URGENT,
    purpose="create the site",
    steps=(
        Step(key=Key.LOOK, title="Look what stands there", run=_look),
        Step(key=Key.TEMPLATE, title="Find the template", run=_make_template),
        Step(key=Key.CLONE, title="Clone the template", run=_clone, undo=sites.drop_what_was_made),
        Step(key=Key.CONFIGURE, title="Set owner and company", run=_configure),
        Step(key=Key.SERVE, title="Serve the site", run=_serve),
        Step(key=Key.LOGIN, title="Let the owner in once", run=_allow_login),
        Step(
            key=Key.PROBE,
            title="Ask for the site as a browser would",
            run=sites.probe,
            patience_seconds=sites.PROBE_PATIENCE_SECONDS,
        ),
    ),
    result=_result,
)
