"""The static configuration, run by the real Traefik with the real pages behind it."""

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest
import yaml

from scripts.bringup.files import render_edge
from scripts.bringup.health import answers_http, wait_until
from traefik.pages.serve import PagesServer

START_SECONDS = 30


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Edge:
    """A running Traefik and where it writes."""

    port: int
    internal: str
    dynamic: Path
    log: Path

    def fetch(self, host: str, path: str = "/") -> tuple[int, http.client.HTTPMessage, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path, headers={"Host": host, "X-Correlation-ID": "c-1"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text

    def publish(self, routes: dict[str, str], pages: str) -> None:
        """Host → path of the page it gets."""
        http_section = {
            "routers": {
                f"r{number}": {"rule": f"Host(`{host}`)", "service": "pages", "middlewares": [f"m{number}"]}
                for number, host in enumerate(routes)
            },
            "middlewares": {
                f"m{number}": {"replacePath": {"path": path}} for number, path in enumerate(routes.values())
            },
            "services": {"pages": {"loadBalancer": {"servers": [{"url": pages}]}}},
        }
        staged = self.log.parent / "staged.yml"
        staged.write_text(json.dumps({"http": http_section}), encoding="utf-8")
        staged.replace(self.dynamic / "sites.yml")

    def list_requests(self) -> list[dict[str, object]]:
        lines = self.log.read_text(encoding="utf-8").splitlines()
        parsed: list[dict[str, object]] = [json.loads(line) for line in lines if line.startswith("{")]
        return [line for line in parsed if "RequestMethod" in line]


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    dynamic = tmp_path / "dynamic"
    dynamic.mkdir()
    port, internal = find_free_port(), find_free_port()
    static = tmp_path / "traefik.yml"
    text = render_edge(
        web_address=f"127.0.0.1:{port}", internal_address=f"127.0.0.1:{internal}", dynamic_dir=str(dynamic)
    )
    static.write_text(text, encoding="utf-8")
    running = Edge(port=port, internal=f"http://127.0.0.1:{internal}", dynamic=dynamic, log=tmp_path / "log")
    with running.log.open("w") as log:
        command = [str(Path(sys.executable).parent / "traefik"), f"--configFile={static}"]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        assert wait_until(lambda: answers_http(f"{running.internal}/ping"), seconds=START_SECONDS), (
            running.log.read_text()
        )
        yield running
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def pages() -> Iterator[str]:
    server = PagesServer(("127.0.0.1", 0))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


class TestStaticConfiguration:
    def test_a_written_route_is_answered_with_its_page(self, edge: Edge, pages: str) -> None:
        edge.publish({"a.localhost": "/suspended/billing", "b.localhost": "/maintenance"}, pages)
        assert wait_until(lambda: edge.fetch("a.localhost")[0] == 402, seconds=10)
        status, headers, text = edge.fetch("b.localhost", "/web/login")
        assert (status, headers["Retry-After"]) == (503, "30")
        assert f"b.localhost:{edge.port}" not in text
        assert '<p class="host">b.localhost</p>' in text
        assert edge.fetch("c.localhost")[0] == 404

    def test_health_and_figures_are_internal(self, edge: Edge) -> None:
        assert answers_http(f"{edge.internal}/metrics")
        assert edge.fetch("127.0.0.1", "/ping")[0] == 404
        assert edge.fetch("127.0.0.1", "/metrics")[0] == 404
        assert edge.fetch("127.0.0.1", "/api/rawdata")[0] == 404

    def test_no_query_string_and_no_foreign_header_is_logged(self, edge: Edge, pages: str) -> None:
        edge.publish({"a.localhost": "/maintenance"}, pages)
        assert wait_until(lambda: edge.fetch("a.localhost", "/seen?token=canary-1")[0] == 503, seconds=10)
        assert wait_until(lambda: any(r["RequestPath"] == "/seen" for r in edge.list_requests()), seconds=10)
        assert "canary-1" not in edge.log.read_text(encoding="utf-8")
        assert edge.list_requests()[-1]["request_X-Correlation-Id"] == "c-1"

    def test_nothing_is_sent_home(self) -> None:
        text = render_edge(web_address="127.0.0.1:1", internal_address="127.0.0.1:2", dynamic_dir="d")
        assert yaml.safe_load(text)["global"] == {"checkNewVersion": False, "sendAnonymousUsage": False}
