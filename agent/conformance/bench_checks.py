"""Checks of benches, and of sites as they come and go."""

import uuid
from dataclasses import replace

from agent.conformance.suite import Suite, expect, has_record
from agent.engines.port import BenchStatus, SiteState


def a_bench_runs_after_its_deploy(suite: Suite) -> None:
    suite.engine.ensure_release(suite.bench, suite.output.append)
    templates, _ = suite.engine.ensure_templates(suite.bench, suite.output.append)
    expect({made.apps for made in templates} == set(suite.bench.app_sets), "a template is missing")
    expect(all(made.modules and made.size_bytes > 0 for made in templates), "a template is empty")
    suite.engine.ensure_bench_started(suite.bench)
    bench = suite.engine.find_bench(suite.bench.bench_id)
    expect(bench is not None and bench.status is BenchStatus.RUNNING, "the bench is not seen running")
    listed = {found.bench_id for found in suite.engine.list_benches()}
    expect(suite.bench.bench_id in listed, "the bench is not listed")


def deployed_again_nothing_changes(suite: Suite) -> None:
    expect(not suite.engine.ensure_release(suite.bench, suite.output.append), "the release was made again")
    expect(
        not suite.engine.ensure_templates(suite.bench, suite.output.append)[1], "a template was made again"
    )
    expect(not suite.engine.ensure_bench_started(suite.bench), "the bench was started again")


def a_clone_serves_nobody_yet(suite: Suite) -> None:
    suite.engine.ensure_site_cloned(suite.first)
    suite.engine.ensure_site_configured(suite.first)
    expect(not suite.probe.can_log_in(suite.door(suite.first)), "an unfinished site lets people in")


def a_new_site_lets_its_owner_in(suite: Suite) -> None:
    suite.create(suite.first)
    expect(suite.probe.can_log_in(suite.door(suite.first)), "the owner cannot log in")
    expect(not suite.probe.can_log_in(suite.door(suite.first, password="wrong")), "a wrong password opens")  # noqa: S106
    site = suite.engine.find_site(suite.bench.bench_id, suite.first.site_id)
    expect(
        site is not None and site.state is SiteState.ACTIVE and site.size_bytes > 0,
        "the site is not seen active",
    )
    expect(site is not None and site.hostname == suite.first.hostname, "the site has another host name")


def created_again_nothing_changes(suite: Suite) -> None:
    suite.probe.write_record(suite.door(suite.first), "Ada")
    cloned, _, serving = suite.create(suite.first)
    expect(not cloned and not serving, "the site was made again")
    expect(has_record(suite, suite.first, "Ada"), "the site's data are gone")


def a_prepared_site_becomes_its_tenants(suite: Suite) -> None:
    site = suite.second
    spare = replace(site, hostname=f"{site.site_id}.nobody.invalid", company="Spare", is_spare=True)
    suite.engine.ensure_site_cloned(spare)
    suite.engine.ensure_site_configured(spare)
    expect(not suite.probe.can_log_in(suite.door(spare)), "a site of nobody lets somebody in")
    cloned, configured, serving = suite.create(replace(site, admin_password="", keeps_password=True))
    expect(not cloned, "the prepared site was made again")
    expect(configured and serving, "the prepared site did not get its tenant")
    expect(suite.probe.can_log_in(suite.door(site)), "its owner cannot log in")


def two_sites_do_not_see_each_other(suite: Suite) -> None:
    suite.create(suite.second)
    suite.probe.write_record(suite.door(suite.second), "Grace")
    expect(
        has_record(suite, suite.second, "Grace") and not has_record(suite, suite.second, "Ada"),
        "the second sees the first",
    )
    expect(
        has_record(suite, suite.first, "Ada") and not has_record(suite, suite.first, "Grace"),
        "the first sees the second",
    )
    crossed = suite.door(suite.second, password=suite.first.admin_password)
    expect(not suite.probe.can_log_in(crossed), "one owner's password opens the other's site")
    listed = {site.site_id for site in suite.engine.list_sites(suite.bench.bench_id)}
    expect(listed == {suite.first.site_id, suite.second.site_id}, f"listed are {listed}")


def an_unknown_site_is_gone_already(suite: Suite) -> None:
    unknown = str(uuid.uuid4())
    expect(
        not suite.engine.ensure_site_dropped(suite.bench.bench_id, unknown), "something unknown was removed"
    )
    expect(suite.engine.find_site(suite.bench.bench_id, unknown) is None, "something unknown is found")


def a_retired_bench_runs_no_more(suite: Suite) -> None:
    for site in (suite.first, suite.second):
        suite.engine.ensure_site_dropped(site.bench_id, site.site_id)
    expect(suite.engine.ensure_bench_stopped(suite.bench.bench_id), "stopping says that nothing changed")
    expect(not suite.engine.ensure_bench_stopped(suite.bench.bench_id), "stopped again, it changed something")
    bench = suite.engine.find_bench(suite.bench.bench_id)
    expect(bench is None or bench.status is BenchStatus.STOPPED, "the bench still runs")
