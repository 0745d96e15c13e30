"""Checks of who gets into a site."""

import secrets
import time
from dataclasses import replace

from agent.conformance.suite import Suite, allow, expect, has_record, suspend
from agent.engines.port import SiteState

TOKEN_SECONDS = 60
SHORT_SECONDS = 1


def a_token_opens_once(suite: Suite) -> None:
    door, token = suite.door(suite.first), secrets.token_urlsafe(32)
    path = allow(suite, token, TOKEN_SECONDS)
    expect(allow(suite, token, TOKEN_SECONDS) == path, "allowed twice, the token has two paths")
    expect(not suite.probe.can_use_token(door, path, secrets.token_urlsafe(32)), "an unknown token opens")
    expect(
        not suite.probe.can_use_token(suite.door(suite.second), path, token), "the token opens another site"
    )
    expect(suite.probe.can_use_token(door, path, token), "the token does not open")
    expect(not suite.probe.can_use_token(door, path, token), "the token opens twice")


def a_token_expires(suite: Suite) -> None:
    token = secrets.token_urlsafe(32)
    path = allow(suite, token, SHORT_SECONDS)
    time.sleep(SHORT_SECONDS + 0.2)
    expect(not suite.probe.can_use_token(suite.door(suite.first), path, token), "an old token opens")


def a_new_password_replaces_the_old_one(suite: Suite) -> None:
    site, password, token = suite.first, secrets.token_urlsafe(16), secrets.token_urlsafe(32)
    path = allow(suite, token, TOKEN_SECONDS)
    for _ in range(2):
        suite.engine.ensure_admin_password(site.bench_id, site.site_id, site.admin_login, password)
    expect(not suite.probe.can_use_token(suite.door(site), path, token), "a token of before still opens")
    expect(not suite.probe.can_log_in(suite.door(site)), "the old password still opens")
    suite.first = replace(site, admin_password=password)
    expect(suite.probe.can_log_in(suite.door(suite.first)), "the new password does not open")


def usage_counts_people_and_bytes(suite: Suite) -> None:
    before = suite.engine.measure_usage(suite.bench.bench_id, suite.first.site_id)
    suite.probe.add_user(suite.door(suite.first), "second-person")
    after = suite.engine.measure_usage(suite.bench.bench_id, suite.first.site_id)
    expect(before.users == 1, f"a new site has {before.users} people instead of 1")
    expect(after.users == before.users + 1, f"{after.users} people are counted instead of {before.users + 1}")
    expect(after.storage_bytes > 0, "the site takes no room")


def suspended_nobody_gets_in(suite: Suite) -> None:
    site, token = suite.first, secrets.token_urlsafe(32)
    path = allow(suite, token, TOKEN_SECONDS)
    expect(suspend(suite), "closing says that nothing changed")
    expect(not suspend(suite), "closed again, it says that something changed")
    expect(not suite.probe.can_log_in(suite.door(site)), "the closed site lets its owner in")
    expect(not suite.probe.can_use_token(suite.door(site), path, token), "the closed site takes a token")
    found = suite.engine.find_site(site.bench_id, site.site_id)
    expect(found is not None and found.state is SiteState.SUSPENDED, "the site is not seen suspended")
    expect(suite.probe.can_log_in(suite.door(suite.second)), "the neighbour is closed too")


def a_suspension_ends_what_was_open(suite: Suite) -> None:
    site, token = suite.first, secrets.token_urlsafe(32)
    path = allow(suite, token, TOKEN_SECONDS)
    suspend(suite)
    suite.engine.ensure_site_resumed(site.bench_id, site.site_id)
    expect(not suite.probe.can_use_token(suite.door(site), path, token), "a token of before still opens")


def resumed_the_data_are_the_same(suite: Suite) -> None:
    site = suite.first
    expect(suite.engine.ensure_site_resumed(site.bench_id, site.site_id), "opening says that nothing changed")
    expect(
        not suite.engine.ensure_site_resumed(site.bench_id, site.site_id),
        "opened again, it changed something",
    )
    suite.engine.probe_site(site.bench_id, site.site_id, site.hostname)
    expect(has_record(suite, site, "Ada"), "the data are gone")
