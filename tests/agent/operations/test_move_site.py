"""A site moves to another bench of the host, and until it answers there it stays where it was."""

import uuid
from typing import Any

import pytest
from pydantic import ValidationError

from agent.engines.fake.engine import FakeEngine
from agent.executors.fake import FakeExecutor
from agent.jobs.model import Job
from agent.operations.move_site import MoveSiteParams
from tests.agent.operations.workshop import HOSTNAME, BadDisk, Workshop, make_bench
from tests.agent.support import free_port

MOMENTS = [
    "ensure_site_closed.before",
    "ensure_site_closed.after",
    "write_backup.before",
    "write_backup.after",
    "ensure_restored.before",
    "ensure_restored.after",
    "ensure_site_migrated.before",
    "ensure_site_migrated.after",
    "ensure_config.before",
    "ensure_config.after",
    "ensure_site_muted.before",
    "ensure_site_muted.after",
    "ensure_site_serving.before",
    "ensure_site_serving.after",
    "probe_site.before",
]
BACKED_UP = MOMENTS[4:]
DROPPED = ["ensure_site_dropped.before", "ensure_site_dropped.halfway", "ensure_site_dropped.after"]


def move(shop: Workshop, there: str, **params: Any) -> Job:
    given = {"to_bench_id": there, "hostname": HOSTNAME, "backup_id": str(uuid.uuid4())}
    return shop.do("move_site", **(given | params))


class TestMoved:
    def test_it_lives_there_and_nothing_is_left_here(self, shop: Workshop) -> None:
        there = shop.add_bench("2.0.0")
        with shop.serving():
            shop.ask(data="Ada").raise_for_status()
            job = move(shop, there, hostname="new.localhost", config={"greeting": "Hello"}, muted=True)
            assert job.status == "succeeded", job
            assert job.result is not None
            assert job.result["size_bytes"] > 0
            assert job.result["closed_seconds"] >= 0
            assert shop.store.exists(job.result["backup"]["location"])
            assert shop.ask(bench_id=there, hostname="new.localhost").json() == ["Ada"]
            assert shop.ask("/", bench_id=there, hostname="new.localhost").json() == "Hello"
            assert shop.ask("/mail", bench_id=there, hostname="new.localhost", data="!").status_code == 403
            assert shop.ask().status_code == 404
        moved = shop.read(there)
        assert moved is not None
        assert (moved.version, moved.muted) == ("2.0.0", True)
        assert not shop.site_path.parent.exists()

    def test_a_suspended_site_is_suspended_there(self, shop: Workshop) -> None:
        there = shop.add_bench()
        shop.do("suspend_site", reason="unpaid")
        with shop.serving():
            job = move(shop, there)
            assert job.status == "succeeded", job
            assert shop.ask(bench_id=there).status_code == 402

    def test_to_where_it_is_is_no_move(self, shop: Workshop) -> None:
        given = {"site_id": shop.site_id, "hostname": HOSTNAME, "backup_id": str(uuid.uuid4())}
        with pytest.raises(ValidationError, match="on that bench already"):
            MoveSiteParams.model_validate(given | {"bench_id": shop.bench_id, "to_bench_id": shop.bench_id})


class TestFailed:
    @pytest.mark.parametrize("moment", MOMENTS)
    def test_it_serves_where_it_was(self, shop: Workshop, moment: str) -> None:
        there = shop.add_bench("2.0.0")
        with shop.serving():
            shop.ask(data="Ada").raise_for_status()
            before = shop.read()
            shop.trouble(moment, "once")
            job = move(shop, there, config={"greeting": "Hello"}, muted=True)
            assert job.error is not None
            assert (job.error.code, job.error.compensated) == ("fake_trouble", True)
            assert shop.ask().json() == ["Ada"]
            assert shop.read() == before
            assert shop.engine.list_sites(there) == []
            assert (job.result is not None) is (moment in BACKED_UP)

    def test_a_backup_that_reads_back_differently_stops_it(self, shop: Workshop) -> None:
        there = shop.add_bench()
        shop.store = BadDisk()
        with shop.serving():
            job = move(shop, there)
            assert job.error is not None
            assert (job.error.code, job.error.compensated, job.result) == ("backup_damaged", True, None)
            assert shop.ask().ok
        assert shop.engine.list_sites(there) == []

    def test_a_bench_that_is_not_there_is_told_before_anything_is_done(self, shop: Workshop) -> None:
        job = move(shop, str(uuid.uuid4()))
        assert job.error is not None
        assert (job.error.code, job.error.step, job.error.compensated) == ("bench_unknown", "look", True)
        assert shop.state() == "active"

    def test_a_bench_of_another_engine_is_refused(self, shop: Workshop) -> None:
        class Other(FakeEngine):
            name = "other"

        other = Other(shop.folder / "other", FakeExecutor(), free_port())
        there = make_bench(other)
        shop.more_engines.append(other)
        job = move(shop, there)
        assert job.error is not None
        assert (job.error.code, job.error.step, job.error.compensated) == ("bench_foreign", "look", True)
        assert shop.state() == "active"

    @pytest.mark.parametrize("moment", DROPPED)
    def test_to_give_up_the_old_one_leaves_the_new_one_serving(self, shop: Workshop, moment: str) -> None:
        there = shop.add_bench()
        with shop.serving():
            shop.ask(data="Ada").raise_for_status()
            trouble = shop.trouble(moment)
            job = move(shop, there)
            assert job.error is not None
            assert (job.error.step, job.error.compensated) == ("ensure_dropped", False)
            assert job.result is not None
            assert shop.store.exists(job.result["backup"]["location"])
            assert shop.ask(bench_id=there).json() == ["Ada"]
            assert shop.ask().status_code in {404, 503}
            trouble.unlink()
            assert shop.do("drop_site").status == "succeeded"
        assert not shop.site_path.parent.exists()


class TestKilled:
    @pytest.mark.parametrize("moment", [*MOMENTS, *DROPPED])
    def test_anywhere_it_goes_on(self, shop: Workshop, moment: str) -> None:
        there = shop.add_bench("2.0.0")
        with shop.serving():
            shop.ask(data="Ada").raise_for_status()
            job_id = str(uuid.uuid4())
            given = {"to_bench_id": there, "hostname": HOSTNAME, "backup_id": str(uuid.uuid4())}
            more = {"config": {"greeting": "Hello"}, "muted": True}
            shop.kill_at(moment, "move_site", job_id=job_id, **given, **more)
            job = shop.go_on(job_id)
            assert job.status == "succeeded", job
            assert shop.ask(bench_id=there).json() == ["Ada"]
            assert shop.ask().status_code == 404
        moved = shop.read(there)
        assert moved is not None
        assert (moved.version, moved.muted, moved.config) == ("2.0.0", True, {"greeting": "Hello"})

    def test_while_it_is_taken_back_the_way_back_goes_on(self, shop: Workshop) -> None:
        there = shop.add_bench()
        with shop.serving():
            before = shop.read()
            job_id = str(uuid.uuid4())
            shop.trouble("ensure_site_migrated.before", "once")
            given = {"to_bench_id": there, "hostname": HOSTNAME, "backup_id": str(uuid.uuid4())}
            shop.kill_at("ensure_site_dropped.halfway", "move_site", job_id=job_id, **given)
            job = shop.go_on(job_id)
            assert job.error is not None
            assert (job.error.code, job.error.compensated) == ("fake_trouble", True)
            assert shop.read() == before
            assert shop.engine.list_sites(there) == []
            assert shop.ask().ok


def test_settings_that_do_not_fit_any_more_are_left_out(shop: Workshop) -> None:
    there = shop.add_bench()
    with shop.serving():
        job = move(shop, there, config={"no_such_setting": 1, "greeting": "Hello"})
        assert job.status == "succeeded", job
        assert dict(shop.engine.find_config(there, shop.site_id)) == {"greeting": "Hello"}
    (step,) = [step for step in job.steps if step.key == "ensure_config"]
    assert "no_such_setting was left out" in step.output
