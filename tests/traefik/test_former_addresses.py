"""Former addresses at the real Traefik: everything leads on, nothing is remembered, and the others pay nothing for it."""

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Thread

import pytest

from press_app.edge.file import FileEdge
from press_app.edge.port import News, Route, RouteState
from press_app.edge.render import HOSTS_PER_ROUTER
from scripts.bringup.files import render_edge
from scripts.bringup.health import answers_http, wait_until
from tests.e2e.platform import choose_free_ports
from traefik.pages.serve import PagesServer

START_SECONDS = 30
SEEN_SECONDS = 10.0
SITES = 10_000
FORMER = 500


@dataclass
class Edge:
    """A running Traefik, and the control plane's own hand on its file."""

    port: int
    file: FileEdge
    routes: list[Route]

    def ask(self, host: str, path: str = "/", method: str = "GET") -> tuple[int, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, headers={"Host": host})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status, answer.headers

    def publish(self, *routes: Route) -> None:
        self.routes = list(routes)
        self.file.publish(lambda _mark: News.whole(self.routes))

    def wait_for(self, host: str, status: int) -> float:
        """Seconds until the host is answered so."""
        start = time.monotonic()
        while self.ask(host)[0] != status:
            assert time.monotonic() - start < SEEN_SECONDS, f"{host} is not answered with {status}"
            time.sleep(0.005)
        return time.monotonic() - start


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    ports = choose_free_ports(("web", "internal"))
    pages = PagesServer(("127.0.0.1", 0))
    serving = Thread(target=pages.serve_forever)
    serving.start()
    pages_url = f"http://127.0.0.1:{pages.server_address[1]}"
    file = FileEdge(tmp_path / "edge" / "dynamic" / "sites.yml", pages_url=pages_url, probe_url="http://x")
    made = Edge(ports["web"], file, [])
    made.publish()
    config = tmp_path / "traefik.yml"
    text = render_edge(
        web_address=f"127.0.0.1:{ports['web']}",
        internal_address=f"127.0.0.1:{ports['internal']}",
        dynamic_dir=str(tmp_path / "edge" / "dynamic"),
    )
    config.write_text(text, "utf-8")
    with (tmp_path / "log").open("w") as log:
        command = [str(Path(sys.executable).parent / "traefik"), f"--configFile={config}"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            ping = f"http://127.0.0.1:{ports['internal']}/ping"
            assert wait_until(lambda: answers_http(ping), seconds=START_SECONDS), (
                tmp_path / "log"
            ).read_text()
            yield made
        finally:
            process.terminate()
            process.wait(30)
            pages.shutdown()
            serving.join()
            pages.server_close()


def make_route(number: int, *former: str) -> Route:
    return Route(
        site_id=str(number),
        hostname=f"s{number}.localhost",
        bench_id="b",
        bench_url="http://127.0.0.1:9",
        state=RouteState.MAINTENANCE,
        reason="",
        former=former,
    )


def test_leads_on_with_path_query_and_port(edge: Edge) -> None:
    names = [f"old{number}.localhost" for number in range(HOSTS_PER_ROUTER + 1)]
    edge.publish(*(make_route(number, name) for number, name in enumerate(names)))
    edge.wait_for(names[0], 302)
    for number, name in ((0, names[0]), (7, names[7]), (HOSTS_PER_ROUTER, names[-1])):
        for host in (name, name.upper()):
            status, headers = edge.ask(f"{host}:8000", "/app/invoice%20a/7?view=list&q=a%2Fb")
            assert status == 302
            assert (
                headers["Location"] == f"http://s{number}.localhost:8000/app/invoice%20a/7?view=list&q=a%2Fb"
            )
            assert headers["Cache-Control"] == "no-store"
    status, headers = edge.ask(names[0], "/")
    assert (status, headers["Location"]) == (302, "http://s0.localhost/")
    assert edge.ask("s0.localhost")[0] == 503


def test_what_is_sent_is_sent_again_to_the_new_address(edge: Edge) -> None:
    edge.publish(make_route(1, "old.localhost"))
    edge.wait_for("old.localhost", 302)
    status, headers = edge.ask("old.localhost", "/api/method", "POST")
    assert (status, headers["Location"]) == (307, "http://s1.localhost/api/method")


def test_neighbours_and_lookalikes_are_not_meant(edge: Edge) -> None:
    edge.publish(make_route(1, "old.localhost"), make_route(2))
    edge.wait_for("old.localhost", 302)
    for host in ("very-old.localhost", "old.localhost.example", "oldxlocalhost"):
        assert edge.ask(host)[0] == 404


def test_ends_when_the_site_does(edge: Edge) -> None:
    edge.publish(make_route(1, "old.localhost"))
    edge.wait_for("old.localhost", 302)
    edge.publish(make_route(1))
    edge.wait_for("old.localhost", 404)


@pytest.mark.timeout(180)
def test_hundreds_of_them_slow_nobody_down(edge: Edge) -> None:
    """Beside 10,000 sites: what a request costs, and how long a change takes to be seen."""
    plain = [make_route(number) for number in range(SITES)]
    renamed = [make_route(number, f"old{number}.localhost") for number in range(FORMER)] + plain[FORMER:]
    took = {}
    for word, routes in (("without", plain), ("with", renamed)):
        edge.publish(*routes)
        edge.wait_for(f"s{SITES - 1}.localhost", 503)
        seen = []
        for turn in range(5):
            time.sleep(0.3)
            edge.publish(*routes, make_route(SITES + turn))
            seen.append(edge.wait_for(f"s{SITES + turn}.localhost", 503))
        took[word] = median(seen), median(time_requests(edge))
    print(f"seen after, request: {took}")  # noqa: T201 - figures for whoever reads the log
    (change_before, request_before), (change_after, request_after) = took["without"], took["with"]
    assert change_after < change_before + 0.5
    assert request_after < request_before * 2 + 0.002


def time_requests(edge: Edge) -> Iterator[float]:
    for number in range(200):
        start = time.monotonic()
        edge.ask(f"s{number * 37 % SITES}.localhost")
        yield time.monotonic() - start
