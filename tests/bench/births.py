"""Webhook to login: how long a customer waits for an ERP, and where the time goes."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import requests

from press_app.cli.demo.person import log_in_by_link
from press_app.cli.sites import make_login_link
from tests.bench.figures import Figure, find_percentile, make_figure, make_spread
from tests.bench.news import News, following
from tests.e2e.platform import JSON_TIMEOUT, Platform
from tests.e2e.tenants import SECONDS, Tenant, Tenants

AT_ONCE = 4
PHASES = (
    "asked",
    "webhook_stored",
    "ordered",
    "job_queued",
    "agent_started",
    "agent_finished",
    "known",
    "seen_active",
    "logged_in",
)
"""Moments in the order in which they come; a phase is the time from one to the next."""


@dataclass(frozen=True)
class Birth:
    """One site, from the order in Lago to the first proven login; moments are seconds since the epoch."""

    tenant: Tenant
    asked: float
    logged_in: float


def give_birth(tenants: Tenants, news: News) -> Birth:
    """Subscribe, hear that the site is there, log in through the edge."""
    tenant = tenants.new()
    asked = time.time()
    tenant.subscribe()
    site_id = news.wait_for_active(tenant.hostname, SECONDS)
    link = make_login_link(tenant.platform.api.copy(), site_id)
    log_in_by_link(tenant.platform.visitor(tenant.hostname), link["url"])
    return Birth(tenant, asked, time.time())


def measure_births(platform: Platform, count: int, baseline: float) -> tuple[list[Figure], list[Tenant]]:
    """One after the other: what a customer waits for, and where the time goes; the tenants are to be removed."""
    tenants = Tenants(platform)
    with following(platform.api) as news:
        first = give_birth(tenants, news)
        births = [give_birth(tenants, news) for _ in range(count)]
    stored = read_stored_moments(platform)
    moments = [read_moments(platform, birth, stored) for birth in births]
    figures = [
        *make_spread("webhook_to_login", waits(moments, "webhook_stored"), baseline=baseline),
        *make_spread("subscribed_to_login", waits(moments, "asked"), baseline=baseline),
        *list_phases(moments),
    ]
    return figures, [birth.tenant for birth in (first, *births)]


def measure_crowd(
    platform: Platform, count: int, baseline: float, *, name: str
) -> tuple[list[Figure], list[Tenant]]:
    """So many customers, four at a time; how many of them got a site that was made ahead is told, too."""
    tenants = Tenants(platform)
    with following(platform.api) as news, ThreadPoolExecutor(AT_ONCE) as pool:
        births = list(pool.map(lambda _: give_birth(tenants, news), range(count)))
    stored = read_stored_moments(platform)
    seconds = [birth.logged_in - stored[birth.tenant.external_id] for birth in births]
    given = sum(is_from_spare(platform, birth.tenant) for birth in births)
    figures = [
        *make_spread(f"{name}_{AT_ONCE}_at_once", seconds, baseline=baseline),
        make_figure(f"{name}_spares_taken", given, unit=f"of {count}"),
    ]
    return figures, [birth.tenant for birth in births]


def is_from_spare(platform: Platform, tenant: Tenant) -> bool:
    """Whether its site had been made ahead."""
    jobs = platform.api.list_all("/v1/jobs", target=f"site:{tenant.sites[0]['id']}")
    return any((job["result"] or {}).get("created_from") == "spare" for job in jobs)


def waits(moments: Sequence[dict[str, float]], start: str) -> list[float]:
    return [each["logged_in"] - each[start] for each in moments]


def list_phases(moments: Sequence[dict[str, float]]) -> Iterator[Figure]:
    """The median of each phase."""
    for before, after in pairwise(PHASES):
        values = [each[after] - each[before] for each in moments]
        yield make_figure(f"phase_{before}_to_{after}_p50", find_percentile(values, 50))


def read_moments(platform: Platform, birth: Birth, stored: dict[str, float]) -> dict[str, float]:
    """When each phase of this birth ended, by the programs' own records."""
    site_id = birth.tenant.sites[0]["id"]
    jobs = platform.api.list_all("/v1/jobs", target=f"site:{site_id}")
    create = next(job for job in jobs if job["operation"] == "create_site")
    timeline = platform.api.get(f"/v1/sites/{site_id}/timeline", limit=200)["items"]
    at = {entry["kind"]: to_epoch(entry["at"]) for entry in timeline}
    return {
        "asked": birth.asked,
        "webhook_stored": stored[birth.tenant.external_id],
        "ordered": at["site.reserved"],
        "job_queued": to_epoch(create["created_at"]),
        "agent_started": to_epoch(create["steps"][0]["started_at"]),
        "agent_finished": to_epoch(create["steps"][-1]["finished_at"]),
        "known": to_epoch(create["ended_at"]),
        "seen_active": at["site.active"],
        "logged_in": birth.logged_in,
    }


def read_stored_moments(platform: Platform) -> dict[str, float]:
    """External id → when the bridge stored the news of its start."""
    moments: dict[str, float] = {}
    for event in list_starts(platform):
        detail = ask_bridge(platform, f"inbox/{event['id']}")
        external_id = detail["body"]["subscription"]["external_id"]
        moments.setdefault(external_id, to_epoch(event["received_at"]))
    return moments


def list_starts(platform: Platform) -> Iterator[dict[str, Any]]:
    cursor = ""
    while True:
        page = ask_bridge(platform, f"inbox?limit=200{cursor}")
        yield from (event for event in page["items"] if event["webhook_type"] == "subscription.started")
        if page["next_cursor"] is None:
            return
        cursor = f"&cursor={page['next_cursor']}"


def ask_bridge(platform: Platform, path: str) -> Any:
    answer = requests.get(
        f"{platform.urls['bridge-api']}/v1/{path}",
        headers={"Authorization": f"Bearer {platform.secret('bridge-operator-token')}"},
        timeout=JSON_TIMEOUT,
    )
    answer.raise_for_status()
    return answer.json()


def to_epoch(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
