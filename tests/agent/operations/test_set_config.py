"""Settings count for a site, all of them or none."""

from typing import Any

import pytest

from tests.agent.operations.workshop import Workshop

HELLO = {"greeting": "Hello"}


def test_they_count_and_what_is_not_named_goes(shop: Workshop) -> None:
    with shop.serving():
        assert shop.do("set_config", config={**HELLO, "max_records": 1}).status == "succeeded"
        assert shop.ask("/").json() == "Hello"
        assert [shop.ask(data="Ada").status_code for _ in range(2)] == [200, 403]
        assert shop.do("set_config", config={"read_only": True}).status == "succeeded"
        assert shop.ask("/").json() == "Acme"
        assert shop.ask(data="Grace").status_code == 403
        assert shop.do("set_config", config={}).status == "succeeded"
        assert shop.ask(data="Grace").ok


@pytest.mark.parametrize(
    "config", [{"no_such_thing": 1}, {"greeting": True}, {"max_records": "many"}, {"read_only": 1}]
)
def test_what_is_not_taken_changes_nothing(shop: Workshop, config: dict[str, Any]) -> None:
    with shop.serving():
        shop.do("set_config", config=HELLO)
        before = shop.read()
        job = shop.do("set_config", config={**HELLO, **config})
        assert job.error is not None
        assert (job.error.code, job.error.step, job.error.compensated) == (
            "config_refused",
            "ensure_config",
            True,
        )
        assert shop.read() == before


@pytest.mark.parametrize("moment", ["ensure_config.before", "ensure_config.after", "probe_site.before"])
def test_a_failure_brings_back_what_was_set(shop: Workshop, moment: str) -> None:
    with shop.serving():
        shop.do("set_config", config=HELLO)
        shop.trouble(moment, "once")
        job = shop.do("set_config", config={"read_only": True})
        assert job.error is not None
        assert job.error.compensated
        assert shop.engine.find_config(shop.bench_id, shop.site_id) == HELLO
        assert shop.ask(data="Ada").ok


@pytest.mark.parametrize("moment", ["ensure_config.before", "ensure_config.after"])
def test_killed_it_goes_on(shop: Workshop, moment: str) -> None:
    with shop.serving():
        job_id = "00000000-0000-4000-8000-00000000000a"
        shop.kill_at(moment, "set_config", job_id=job_id, config=HELLO)
        assert shop.go_on(job_id).status == "succeeded"
        assert shop.ask("/").json() == "Hello"
