"""The dynamic configuration as Traefik reads it."""

import json
import random
from collections.abc import Iterable
from typing import Any

from press_app.edge.port import News, Route, RouteState
from press_app.edge.render import HOSTS_PER_ROUTER
from press_app.edge.table import Table

PAGES = "http://127.0.0.1:8070"


def render(routes: Iterable[Route], pages_url: str) -> dict[str, Any]:
    """What Traefik reads of a whole table."""
    table = Table(pages_url)
    table.take(News.whole(routes))
    read: dict[str, Any] = json.loads(table.render())
    return read


def make_route(hostname: str = "acme.localhost", **changes: object) -> Route:
    values = {
        "site_id": hostname,
        "hostname": hostname,
        "bench_id": "b1",
        "bench_url": "http://127.0.0.1:7001",
        "state": RouteState.LIVE,
        "reason": "billing",
        **changes,
    }
    return Route(**values)  # type: ignore[arg-type]  # overrides of every type pass through


NOT_FOUND = {
    "rule": "PathPrefix(`/`)",
    "priority": 1,
    "service": "pages",
    "middlewares": ["to-not-found"],
}
GOLDEN = {
    "http": {
        "routers": {
            "unknown": NOT_FOUND,
            "live-b1-0": {
                "rule": "Host(`a.localhost`) || Host(`b.localhost`)",
                "service": "bench-b1",
            },
            "live-b2-0": {"rule": "Host(`g.localhost`)", "service": "bench-b2"},
            "maintenance-0": {
                "rule": "Host(`e.localhost`)",
                "service": "pages",
                "middlewares": ["to-maintenance"],
            },
            "suspended-billing-0": {
                "rule": "Host(`c.localhost`)",
                "service": "pages",
                "middlewares": ["to-suspended-billing"],
            },
            "suspended-operator-0": {
                "rule": "Host(`d.localhost`)",
                "service": "pages",
                "middlewares": ["to-suspended-operator"],
            },
        },
        "services": {
            "pages": {"loadBalancer": {"servers": [{"url": PAGES}], "passHostHeader": True}},
            "bench-b1": {
                "loadBalancer": {
                    "servers": [{"url": "http://127.0.0.1:7001"}],
                    "passHostHeader": True,
                }
            },
            "bench-b2": {
                "loadBalancer": {
                    "servers": [{"url": "http://127.0.0.1:7002"}],
                    "passHostHeader": True,
                }
            },
        },
        "middlewares": {
            "to-not-found": {"replacePath": {"path": "/not-found"}},
            "to-maintenance": {"replacePath": {"path": "/maintenance"}},
            "to-suspended-billing": {"replacePath": {"path": "/suspended/billing"}},
            "to-suspended-operator": {"replacePath": {"path": "/suspended/operator"}},
        },
    }
}


class TestRender:
    def test_golden(self) -> None:
        routes = [
            make_route("b.localhost"),
            make_route("a.localhost"),
            make_route("c.localhost", state=RouteState.SUSPENDED),
            make_route("d.localhost", state=RouteState.SUSPENDED, reason="operator"),
            make_route("e.localhost", state=RouteState.MAINTENANCE, reason="operator"),
            make_route("f.localhost", state=RouteState.NONE),
            make_route("g.localhost", bench_id="b2", bench_url="http://127.0.0.1:7002"),
        ]
        assert render(routes, PAGES) == GOLDEN

    def test_is_never_empty(self) -> None:
        http = render([], PAGES)["http"]
        assert set(http["routers"]) == {"unknown"}
        assert all(http.values())

    def test_unknown_hosts_come_last(self) -> None:
        routers = render([make_route("a.b")], PAGES)["http"]["routers"]
        shortest = min(len(router["rule"]) for name, router in routers.items() if name != "unknown")
        assert routers["unknown"]["priority"] < shortest, (
            "a router without priority has that of its rule's length"
        )

    def test_joins_hosts_into_few_routers(self) -> None:
        names = [f"s{number:05d}.localhost" for number in range(HOSTS_PER_ROUTER * 2 + 1)]
        routers = render([make_route(name) for name in names], PAGES)["http"]["routers"]
        live = {name: router["rule"].split(" || ") for name, router in routers.items() if name != "unknown"}
        assert {name: len(hosts) for name, hosts in live.items()} == {
            "live-b1-0": HOSTS_PER_ROUTER,
            "live-b1-1": HOSTS_PER_ROUTER,
            "live-b1-2": 1,
        }
        assert sorted(host for hosts in live.values() for host in hosts) == [
            f"Host(`{name}`)" for name in names
        ]

    def test_the_order_of_the_rows_does_not_matter(self) -> None:
        states = list(RouteState)
        routes = [make_route(f"s{number}.localhost", state=states[number % 4]) for number in range(200)]
        expected = json.dumps(render(routes, PAGES))
        for seed in range(5):
            random.Random(seed).shuffle(routes)
            assert json.dumps(render(routes, PAGES)) == expected

    def test_a_host_name_cannot_break_out_of_its_rule(self) -> None:
        for name in ("a`) || PathPrefix(`/", "a\nb", "a b", "*.localhost", "", "a" * 254):
            routers = render([make_route(name), make_route("good.localhost")], PAGES)["http"]["routers"]
            rules = [router["rule"] for key, router in routers.items() if key != "unknown"]
            assert rules == ["Host(`good.localhost`)"], name


class TestTable:
    def test_any_row_of_changes_leads_where_the_whole_table_does(self) -> None:
        dice = random.Random(7)
        table = Table(PAGES)
        truth: dict[str, Route | None] = {}
        for _ in range(200):
            changes: dict[str, Route | None] = {}
            for name in (f"s{dice.randrange(150)}.localhost" for _ in range(dice.randrange(1, 20))):
                route = make_route(
                    name,
                    state=dice.choice(list(RouteState)),
                    bench_id=dice.choice(["b1", "b2"]),
                    reason=dice.choice(["billing", "operator"]),
                    former=dice.choice([(), (f"old-{name}",)]),
                )
                changes[name] = dice.choice([route, route, None])
            truth |= changes
            table.take(News(mark=None, routes=changes))
            assert json.loads(table.render()) == render([each for each in truth.values() if each], PAGES)

    def test_says_whether_anything_is_other_than_before(self) -> None:
        table, route = Table(PAGES), make_route("a.localhost")
        assert table.take(News(mark=None, routes={"1": route}))
        assert not table.take(News(mark=None, routes={"1": route, "2": None}))
        assert not table.take(News(mark=None, routes={"1": route}, is_whole=True))
        assert table.take(News(mark=None, routes={}, is_whole=True))

    def test_a_moved_bench_is_told_by_its_sites(self) -> None:
        table = Table(PAGES)
        table.take(News.whole([make_route("a.localhost"), make_route("b.localhost")]))
        moved = [
            make_route(name, bench_url="http://127.0.0.1:7009") for name in ("a.localhost", "b.localhost")
        ]
        table.take(News(mark=None, routes={route.site_id: route for route in moved}))
        assert "127.0.0.1:7009" in table.render()
        assert "127.0.0.1:7001" not in table.render()


def test_an_address_that_traefik_would_run_is_left_out() -> None:
    """Traefik runs its file through Go's templates before it reads it."""
    bad = "http://127.0.0.1:7001/{{ env `HOME` }}"
    text = json.dumps(render([make_route(bench_url=bad), make_route("b.localhost", bench_id="b2")], PAGES))
    assert "{{" not in text
    assert "acme.localhost" not in text
    assert "b.localhost" in text


class TestMoved:
    def test_former_names_share_routers_and_need_none_of_their_own(self) -> None:
        routes = [
            make_route(f"s{number}.localhost", former=(f"old{number:03d}.localhost",))
            for number in range(HOSTS_PER_ROUTER + 1)
        ]
        http = render(routes, PAGES)["http"]
        moved = {name: router for name, router in http["routers"].items() if name.startswith("moved")}
        assert {name: router["rule"].count("Host(") for name, router in moved.items()} == {
            "moved-0": HOSTS_PER_ROUTER,
            "moved-1": 1,
        }
        assert moved["moved-1"]["middlewares"] == ["never-kept", "from-old050.localhost", "to-not-found"]
        assert http["middlewares"]["from-old050.localhost"]["redirectRegex"] == {
            "regex": r"^(?i)(https?://)old050\.localhost((?::[0-9]+)?(?:/.*)?)$",
            "replacement": "${1}s50.localhost${2}",
        }

    def test_a_site_without_a_route_sends_nobody_on(self) -> None:
        routes = [make_route("a.localhost", state=RouteState.NONE, former=("old.localhost",))]
        assert set(render(routes, PAGES)["http"]["routers"]) == {"unknown"}

    def test_what_is_no_host_name_is_left_out(self) -> None:
        for name in ("a`) || PathPrefix(`/", "a\nb", "*.localhost", "{{ env `HOME` }}"):
            text = json.dumps(render([make_route("a.localhost", former=(name, "good.localhost"))], PAGES))
            assert name not in text
            assert "good.localhost" in text

    def test_a_change_of_one_is_a_change_of_the_table(self) -> None:
        table = Table(PAGES)
        table.take(News.whole([make_route("a.localhost", former=("old.localhost",))]))
        before = json.loads(table.render())
        gone = make_route("a.localhost")
        assert table.take(News(mark=None, routes={gone.site_id: gone}))
        assert "old.localhost" not in table.render()
        assert table.take(News.whole([make_route("a.localhost", former=("old.localhost",))]))
        assert json.loads(table.render()) == before
