"""Checks of what happens to a site's data."""

import secrets
from dataclasses import replace

from agent.conformance.suite import Broken, Suite, allow, expect, has_record, restore, suspend
from agent.errors import AgentError
from agent.host import files

TOKEN_SECONDS = 60


def a_backup_is_taken_while_the_site_serves(suite: Suite) -> None:
    suite.engine.write_backup(suite.bench.bench_id, suite.first.site_id, suite.work_dir / "backup")
    expect(files.size_of(suite.work_dir / "backup") > 0, "the backup is empty")
    expect(has_record(suite, suite.first, "Ada"), "the site stopped serving")


def a_broken_backup_touches_nothing(suite: Suite) -> None:
    broken = suite.work_dir / "broken"
    files.write_atomic(
        broken, (suite.work_dir / "backup").read_bytes()[: files.size_of(suite.work_dir / "backup") // 2]
    )
    try:
        restore(suite, broken)
    except AgentError:
        expect(has_record(suite, suite.first, "Ada"), "the site was damaged")
    else:
        raise Broken("half a backup was restored")


def restored_the_site_is_as_it_was(suite: Suite) -> None:
    suite.probe.write_record(suite.door(suite.first), "Later")
    token = secrets.token_urlsafe(32)
    path = allow(suite, token, TOKEN_SECONDS)
    for _ in range(2):
        restore(suite, suite.work_dir / "backup")
        expect(
            has_record(suite, suite.first, "Ada") and not has_record(suite, suite.first, "Later"),
            "the data are not the backup's",
        )
    expect(
        not suite.probe.can_use_token(suite.door(suite.first), path, token), "a token of before still opens"
    )
    expect(has_record(suite, suite.second, "Grace"), "the neighbour was changed")


def a_copy_lives_beside_its_origin(suite: Suite) -> None:
    """The first site's people at another site, with data of their own from then on; it tells nothing to the world."""
    suite.copy = replace(
        suite.copy, admin_login=suite.first.admin_login, admin_password=suite.first.admin_password
    )
    copy = suite.copy
    at = (copy.bench_id, copy.site_id)
    suite.engine.ensure_restored(*at, copy.hostname, suite.work_dir / "backup")
    suite.engine.ensure_site_migrated(*at, suite.output.append)
    expect(suite.engine.ensure_site_muted(*at), "muting says that nothing changed")
    expect(not suite.engine.ensure_site_muted(*at), "muted again, it changed something")
    expect(not suite.probe.can_log_in(suite.door(copy)), "the copy lets people in before it is told to")
    suite.engine.ensure_site_serving(*at, copy.hostname)
    suite.engine.probe_site(*at, copy.hostname)
    expect(has_record(suite, copy, "Ada"), "the copy lacks what was copied")
    suite.probe.write_record(suite.door(copy), "Only here")
    expect(has_record(suite, copy, "Only here"), "the copy does not keep what is written")
    expect(not has_record(suite, suite.first, "Only here"), "what is written in the copy shows in its origin")
    expect(suite.probe.is_muted(suite.door(copy)), "the copy could tell something to the world")
    expect(not suite.probe.is_muted(suite.door(suite.first)), "its origin is muted, too")


def moved_it_lives_on_the_other_bench(suite: Suite) -> None:
    engine, site = suite.engine, suite.copy
    moved = replace(site, bench_id=suite.other_bench.bench_id)
    for step in (engine.ensure_release, engine.ensure_templates):
        step(suite.other_bench, suite.output.append)
    engine.ensure_bench_started(suite.other_bench)
    at, there = (site.bench_id, site.site_id), (moved.bench_id, moved.site_id)
    engine.ensure_site_closed(*at)
    engine.write_backup(*at, suite.work_dir / "moving")
    for _ in range(2):
        engine.ensure_restored(*there, moved.hostname, suite.work_dir / "moving")
        engine.ensure_site_migrated(*there, suite.output.append)
        engine.ensure_config(*there, {})
        engine.ensure_site_muted(*there)
    engine.ensure_site_serving(*there, moved.hostname)
    engine.probe_site(*there, moved.hostname)
    engine.ensure_site_dropped(*at)
    expect(has_record(suite, moved, "Only here"), "the data did not come along")
    expect(suite.probe.is_muted(suite.door(moved)), "it is not silent any more")
    expect(not suite.probe.can_log_in(suite.door(site)), "it still answers where it was")
    listed = {found.site_id for found in engine.list_sites(suite.bench.bench_id)}
    expect(listed == {suite.first.site_id, suite.second.site_id}, f"listed are {listed}")
    expect(has_record(suite, suite.second, "Grace"), "the neighbour was changed")
    engine.ensure_site_dropped(*there)
    expect(engine.ensure_bench_stopped(suite.other_bench.bench_id), "the other bench does not stop")


def archived_nothing_is_left(suite: Suite) -> None:
    site = suite.first
    suspend(suite)
    suite.engine.write_backup(site.bench_id, site.site_id, suite.work_dir / "archive")
    expect(
        suite.engine.ensure_site_dropped(site.bench_id, site.site_id), "removing says that nothing changed"
    )
    expect(
        not suite.engine.ensure_site_dropped(site.bench_id, site.site_id),
        "removed again, it changed something",
    )
    expect(suite.engine.find_site(site.bench_id, site.site_id) is None, "the site is still found")
    expect(not suite.probe.can_log_in(suite.door(site)), "the site still answers")
    listed = {found.site_id for found in suite.engine.list_sites(site.bench_id)}
    expect(listed == {suite.second.site_id}, f"listed are {listed}")


def undone_the_data_are_back(suite: Suite) -> None:
    site = suite.first
    restore(suite, suite.work_dir / "archive")
    suite.engine.ensure_site_resumed(site.bench_id, site.site_id)
    suite.engine.probe_site(site.bench_id, site.site_id, site.hostname)
    expect(has_record(suite, site, "Ada"), "the data are gone")
