"""How long people wait for what they read: requests to a real press-api process over a filled database."""

import time
from collections.abc import Iterator, Mapping

import requests
from sqlalchemy import select

from press_app.kit.pagination import encode_cursor
from press_app.sites.model import Site
from tests.bench.ground import Ground
from tests.bench.measures import FLAT, LINEAR, Measure
from tests.factories.access import bearer

TARGET_SECONDS = 0.05
WARM_UP = 3
REQUESTS = 40
ANSWER_SECONDS = 30


def measure_reads(ground: Ground, url: str) -> Iterator[Measure]:
    """The 95th percentile of each reading; each should cost the same at any number of sites."""
    model = ground.model
    with requests.Session() as http:
        for name, (path, secret) in list_readings(ground).items():
            samples = [ask(http, f"{url}{path}", bearer(secret)) for _ in range(WARM_UP + REQUESTS)]
            yield Measure(f"api_{name}", samples[WARM_UP:], target=TARGET_SECONDS)
        for name in ("metrics", "ready"):
            samples = [ask(http, f"{url}/{name}", {}, may_be_down=True) for _ in range(WARM_UP + REQUESTS)]
            # Sites are counted by their states, in the index alone.
            grows = LINEAR if name == "metrics" else FLAT
            yield Measure(name, samples[WARM_UP:], target=TARGET_SECONDS, grows=grows)
        start = time.perf_counter()
        seen = count_sites(http, url, model.operator)
        assert seen == model.sites, f"the listing leads through {seen} of {model.sites} sites"
        yield Measure("api_walk_all_sites", [time.perf_counter() - start], grows=LINEAR)


def list_readings(ground: Ground) -> Mapping[str, tuple[str, str]]:
    """Name → path and who asks."""
    model = ground.model
    middle = encode_cursor(find_middle(ground))
    site = f"/v1/sites/{model.site_id}"
    return {
        "list_sites": ("/v1/sites", model.operator),
        "list_sites_deep": (f"/v1/sites?cursor={middle}", model.operator),
        "list_sites_suspended": ("/v1/sites?status=suspended", model.operator),
        "list_sites_active": ("/v1/sites?status=active", model.operator),
        "list_sites_named": (f"/v1/sites?name={model.external_id}", model.operator),
        "list_sites_owner": ("/v1/sites", model.owner),
        "site_detail": (site, model.operator),
        "site_detail_owner": (site, model.owner),
        "site_timeline": (f"{site}/timeline", model.owner),
        "list_backups": (f"{site}/backups", model.owner),
        "list_subscriptions": ("/v1/subscriptions", model.bridge),
        "list_subscriptions_owner": ("/v1/subscriptions", model.owner),
        "subscription_detail": (f"/v1/subscriptions/{model.external_id}", model.bridge),
        "list_jobs": ("/v1/jobs", model.operator),
        "list_jobs_owner": ("/v1/jobs", model.owner),
        "list_jobs_of_site": (f"/v1/jobs?target=site:{model.site_id}", model.owner),
        "list_benches": ("/v1/benches", model.operator),
        "list_servers": ("/v1/servers", model.operator),
        "list_teams": ("/v1/teams", model.operator),
    }


def find_middle(ground: Ground) -> str:
    """The id of the site in the middle of the listing."""
    query = select(Site.id).order_by(Site.id).offset(ground.model.sites // 2).limit(1)
    with ground.runtime.work.read() as session:
        return session.scalars(query).one()


def ask(http: requests.Session, url: str, headers: Mapping[str, str], *, may_be_down: bool = False) -> float:
    """Seconds until the whole answer is here."""
    start = time.perf_counter()
    answer = http.get(url, headers=headers, timeout=ANSWER_SECONDS)
    seconds = time.perf_counter() - start
    if not may_be_down:
        answer.raise_for_status()
        assert len(answer.content) > len("{}"), url
    return seconds


def count_sites(http: requests.Session, url: str, secret: str) -> int:
    """Walk the listing to its end."""
    cursor, seen = "", set()
    while True:
        answer = http.get(f"{url}/v1/sites?limit=200{cursor}", headers=bearer(secret), timeout=ANSWER_SECONDS)
        page = answer.json()
        seen |= {item["id"] for item in page["items"]}
        if page["next_cursor"] is None:
            return len(seen)
        cursor = f"&cursor={page['next_cursor']}"
