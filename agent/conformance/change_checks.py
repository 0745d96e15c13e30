"""Checks of what a site is made of: apps, name, settings, home."""

from dataclasses import replace
from functools import partial

from agent.conformance.suite import NotTried, Suite, closed, expect, expect_refusal, has_record
from agent.engines.port import Locale, SiteState

NOWHERE = Locale(currency="ZZZ")


def closed_it_answers_nobody_and_keeps_its_sessions(suite: Suite) -> None:
    site, is_in = suite.first, suite.probe.open_session(suite.door(suite.first))
    expect(is_in(), "a session does not open the site")
    with closed(suite, site):
        expect(not is_in(), "a session works at a closed site")
        expect(not suite.probe.can_log_in(suite.door(site)), "a closed site lets its owner in")
        expect(
            not suite.engine.ensure_site_closed(site.bench_id, site.site_id),
            "closed again, it changed something",
        )
        expect(suite.probe.can_log_in(suite.door(suite.second)), "the neighbour is closed too")
    expect(is_in(), "the session of before does not work any more")


def closed_while_suspended_it_stays_suspended(suite: Suite) -> None:
    site = suite.first
    suite.engine.ensure_site_suspended(site.bench_id, site.site_id, "Invoice 7 is unpaid.")
    with closed(suite, site):
        pass
    found = suite.engine.find_site(site.bench_id, site.site_id)
    expect(found is not None and found.state is SiteState.SUSPENDED, "closing opened a suspended site")
    expect(not suite.probe.can_log_in(suite.door(site)), "a suspended site lets its owner in")
    suite.engine.ensure_site_resumed(site.bench_id, site.site_id)


def an_app_is_installed_and_works(suite: Suite) -> None:
    site, extra = suite.first, _need_app(suite)
    door, apps = suite.door(site), suite.list_apps(site)
    expect(
        extra not in apps and not suite.probe.has_app(door, extra), "the app is there before it is installed"
    )
    with closed(suite, site) as at:
        expect(
            suite.engine.ensure_apps(*at, (*apps, extra), suite.output.append),
            "installing says that nothing changed",
        )
        expect(
            not suite.engine.ensure_apps(*at, (*apps, extra), suite.output.append),
            "installed again, it changed something",
        )
    expect(set(suite.list_apps(site)) == {*apps, extra}, f"the site has {suite.list_apps(site)}")
    expect(suite.probe.has_app(door, extra), "its owner does not find the app")
    expect(has_record(suite, site, "Ada"), "the data are gone")
    expect(extra not in suite.list_apps(suite.second), "the neighbour has the app, too")


def an_app_is_removed_and_gone(suite: Suite) -> None:
    site, extra = suite.first, _need_app(suite)
    left = tuple(app for app in suite.list_apps(site) if app != extra)
    with closed(suite, site) as at:
        expect(suite.engine.ensure_apps(*at, left, suite.output.append), "removing says that nothing changed")
        expect(
            not suite.engine.ensure_apps(*at, left, suite.output.append),
            "removed again, it changed something",
        )
    expect(suite.list_apps(site) == left, f"the site has {suite.list_apps(site)}")
    expect(not suite.probe.has_app(suite.door(site), extra), "its owner still finds the app")
    expect(has_record(suite, site, "Ada"), "the data are gone")


def apps_that_cannot_be_are_refused(suite: Suite) -> None:
    site, apps = suite.first, suite.list_apps(suite.first)
    with closed(suite, site) as at:
        for wanted, code in (((*apps, "no_such_app"), "app_unknown"), (apps[1:] or ("crm",), "app_needed")):
            expect_refusal(code, partial(suite.engine.ensure_apps, *at, wanted, suite.output.append))
    expect(suite.list_apps(site) == apps, f"the site has {suite.list_apps(site)}")
    expect(has_record(suite, site, "Ada"), "the data are gone")


def renamed_only_the_new_name_leads_there(suite: Suite) -> None:
    site = suite.first
    renamed = replace(site, hostname=f"renamed-{site.hostname}")
    for _ in range(2):
        suite.engine.ensure_site_serving(site.bench_id, site.site_id, renamed.hostname)
    suite.engine.probe_site(site.bench_id, site.site_id, renamed.hostname)
    expect(not suite.probe.can_log_in(suite.door(site)), "the old name still leads to the site")
    suite.first = renamed
    expect(has_record(suite, renamed, "Ada"), "the data are gone")
    expect(has_record(suite, suite.second, "Grace"), "the neighbour was changed")


def a_setting_counts_for_its_site_alone(suite: Suite) -> None:
    config, site = dict(suite.probe.config), suite.first
    if not config:
        raise NotTried("sites of this engine have no settings")
    at = (site.bench_id, site.site_id)
    door = suite.door(site)
    expect(not suite.probe.is_configured(door), "the setting counts before it is set")
    expect(suite.engine.ensure_config(*at, config), "setting says that nothing changed")
    expect(not suite.engine.ensure_config(*at, config), "set again, it changed something")
    expect(dict(suite.engine.find_config(*at)) == config, "another setting is found than was set")
    expect(suite.probe.is_configured(door), "the setting does not count")
    expect(not suite.probe.is_configured(suite.door(suite.second)), "it counts for the neighbour, too")
    suite.engine.ensure_config(*at, {})
    expect(not suite.probe.is_configured(door), "the setting counts after it went")
    expect(has_record(suite, site, "Ada"), "the data are gone")


def a_setting_that_nobody_knows_is_refused(suite: Suite) -> None:
    site = suite.first
    at = (site.bench_id, site.site_id)
    expect(not suite.engine.ensure_config(*at, {}), "no settings at all change something")
    unknown = {**suite.probe.config, "no_such_setting": 1}
    expect_refusal("config_refused", lambda: suite.engine.ensure_config(*at, unknown))
    expect(dict(suite.engine.find_config(*at)) == {}, "some of what was refused was set")
    expect(suite.probe.can_log_in(suite.door(site)), "the owner cannot log in any more")


def a_company_is_at_home_where_it_says(suite: Suite) -> None:
    site = replace(suite.make_site("abroad"), locale=suite.probe.locale)
    at = (site.bench_id, site.site_id)
    try:
        suite.create(site)
        expect(suite.probe.can_log_in(suite.door(site)), "the owner cannot log in")
        currency = suite.probe.find_currency(suite.door(site))
        expect(currency == site.locale.currency, f"the company counts in {currency}")
        here = suite.probe.find_currency(suite.door(suite.first))
        expect(here == suite.first.locale.currency, f"the first company counts in {here}")
        again = suite.engine.ensure_template(site.bench_id, site.apps, site.locale, suite.output.append)
        expect(not again, "its template was made again")
    finally:
        suite.engine.ensure_site_dropped(*at)


def a_home_that_does_not_exist_is_refused(suite: Suite) -> None:
    apps = suite.probe.app_sets[0]
    expect_refusal(
        "locale_unknown",
        lambda: suite.engine.ensure_template(suite.bench.bench_id, apps, NOWHERE, suite.output.append),
    )
    nobody = replace(suite.make_site("nowhere"), locale=NOWHERE)
    expect_refusal("template_missing", lambda: suite.engine.ensure_site_cloned(nobody))
    expect(suite.engine.find_site(nobody.bench_id, nobody.site_id) is None, "something was made")


def _need_app(suite: Suite) -> str:
    if suite.probe.extra_app is None:
        raise NotTried("the release has no app beside those of the first site")
    return suite.probe.extra_app
