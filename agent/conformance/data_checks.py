"""Checks of what happens to a site's data."""

import secrets

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
