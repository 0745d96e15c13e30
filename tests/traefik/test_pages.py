"""The edge's pages over real sockets: what they say, to whom, and that nothing makes them fall over."""

import contextlib
import http.client
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from traefik.pages import serve
from traefik.pages.serve import PagesServer, choose_language, prefers_json

REASONS = ["billing", "operator", "quota", "security"]
Answer = tuple[http.client.HTTPResponse, str]


@contextlib.contextmanager
def run_server(account_url: str = "") -> Iterator[PagesServer]:
    server = PagesServer(("127.0.0.1", 0), account_url=account_url)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def server() -> Iterator[PagesServer]:
    with run_server() as running:
        yield running


def fetch(
    server: PagesServer, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> Answer:
    """One request; header names are written with underscores."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body=body, headers=named)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response, text


def send_raw(server: PagesServer, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


class TestSuspended:
    @pytest.mark.parametrize("reason", REASONS)
    @pytest.mark.parametrize("language", ["en", "fr"])
    def test_says_why_that_the_data_is_kept_and_the_way_out(
        self, server: PagesServer, reason: str, language: str
    ) -> None:
        response, text = fetch(server, f"/suspended/{reason}", Accept_Language=language)
        words = serve.TEXTS[language]["suspended"]
        assert response.status == 402
        assert response.headers["Content-Language"] == language
        plain = text.replace("&#x27;", "'")
        for sentence in (words["reasons"][reason]["why"], words["safe"], words["reasons"][reason]["next"]):
            assert sentence in plain

    @pytest.mark.parametrize(
        "path", ["/suspended", "/suspended/", "/suspended/<script>", "/suspended/a/b?c=d"]
    )
    def test_an_unknown_reason_gets_the_general_page(self, server: PagesServer, path: str) -> None:
        response, text = fetch(server, path.replace("<script>", "%3Cscript%3E"))
        assert response.status == 402
        assert "This site is suspended<" in text

    def test_the_owner_gets_one_button_where_an_account_page_exists(self) -> None:
        with run_server(account_url='https://cloud.example/pay?a="b"') as server:
            _, text = fetch(server, "/suspended/billing")
            _, other = fetch(server, "/nothing")
        assert text.count('class="action"') == 1
        assert 'href="https://cloud.example/pay?a=&quot;b&quot;"' in text
        assert 'class="action"' not in other


class TestOtherPages:
    def test_maintenance_says_when_to_come_back(self, server: PagesServer) -> None:
        response, text = fetch(server, "/maintenance")
        assert (response.status, response.headers["Retry-After"]) == (503, "30")
        assert '<meta http-equiv="refresh" content="30">' in text

    @pytest.mark.parametrize(
        "path", ["/", "/not-found", "/web?x=1", "/maintenance/x", "*", "http://x.test/a"]
    )
    def test_everything_else_is_no_site(self, server: PagesServer, path: str) -> None:
        response, text = fetch(server, path)
        assert response.status == 404
        assert "There is no site at this address" in text


class TestHealth:
    def test_answers_the_supervisor(self, server: PagesServer) -> None:
        response, text = fetch(server, "/-/health")
        assert (response.status, json.loads(text)) == (200, {"status": "ok"})
        assert response.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("path", ["/-/health/", "/-/health?x", "/health", "/ready", "/metrics"])
    def test_is_the_only_path_that_is_no_page(self, server: PagesServer, path: str) -> None:
        assert fetch(server, path)[0].status == 404


class TestFormat:
    def test_programs_get_a_problem(self, server: PagesServer) -> None:
        response, text = fetch(server, "/suspended/quota", Accept="application/json, */*;q=0.1")
        problem = json.loads(text)
        assert response.headers["Content-Type"] == "application/problem+json"
        assert (problem["status"], problem["code"], problem["reason"]) == (402, "site_suspended", "quota")
        assert "Nothing was deleted" in problem["detail"]

    @pytest.mark.parametrize(
        ("accept", "json_wanted"),
        [
            ("", False),
            ("*/*", False),
            ("application/problem+json", True),
            ("text/html,application/json;q=0.9", False),
            ("text/html;q=0.2, application/json;q=0.3", True),
            ("application/json;q=0", False),
            ("application/json;q=banana", False),
        ],
    )
    def test_json_only_where_it_is_preferred(self, accept: str, json_wanted: bool) -> None:
        assert prefers_json(accept) is json_wanted

    @pytest.mark.parametrize(
        ("header", "language"),
        [
            ("", "en"),
            ("fr-CA,en;q=0.5", "fr"),
            ("en;q=0.5,fr;q=0.7", "fr"),
            ("de,fr;q=0.3", "fr"),
            ("de", "en"),
            ("fr;q=0", "en"),
            (",;=,", "en"),
        ],
    )
    def test_the_language_the_reader_likes_best(self, header: str, language: str) -> None:
        assert choose_language(header) == language

    def test_head_is_get_without_the_body(self, server: PagesServer) -> None:
        response, text = fetch(server, "/suspended/billing", "HEAD")
        full, body = fetch(server, "/suspended/billing")
        assert text == ""
        assert response.headers["Content-Length"] == full.headers["Content-Length"] == str(len(body.encode()))

    def test_no_page_is_kept_or_fetches_anything(self, server: PagesServer) -> None:
        response, text = fetch(server, "/suspended/billing")
        policy = response.headers["Content-Security-Policy"]
        assert response.headers["Cache-Control"] == "no-store"
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert not re.search(r"(?:src|href)=\"(?!data:)", text)

    def test_the_host_is_shown_when_it_is_a_host(self, server: PagesServer) -> None:
        _, text = fetch(server, "/suspended/billing", Host="acme.localhost:8000")
        _, odd = fetch(server, "/suspended/billing", Host="<b>acme</b>")
        assert '<p class="host">acme.localhost:8000</p>' in text
        assert "<b>" not in odd
        assert 'class="host"' not in odd

    def test_both_languages_say_the_same_things(self) -> None:
        def shape(node: object) -> object:
            return (
                {key: shape(value) for key, value in node.items()} if isinstance(node, dict) else type(node)
            )

        assert shape(serve.TEXTS["en"]) == shape(serve.TEXTS["fr"])


class TestRobustness:
    @pytest.mark.parametrize(
        "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "TRACE", "X-ODD"]
    )
    def test_every_method_gets_the_page(self, server: PagesServer, method: str) -> None:
        response, text = fetch(server, "/suspended/billing", method, body=b"x" * 200_000)
        assert response.status == 402
        assert "unpaid" in text

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\r\n\r\n",
            b"\x16\x03\x01\x02\x00",
            b"GET\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\nAccept-Language: \xff;q=\xfe\r\n\r\n",
            b"GET /%ff%fe%00 HTTP/1.1\r\nHost: a b c\r\n\r\n",
            b"GET /suspended/\xc3\x28 HTTP/1.0\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 50\r\n\r\nshort",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
            b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 300 + b"\r\n",
        ],
    )
    def test_no_request_makes_it_fall_over(
        self, server: PagesServer, data: bytes, capfd: pytest.CaptureFixture[str]
    ) -> None:
        send_raw(server, data)
        assert fetch(server, "/maintenance")[0].status == 503
        assert "Traceback" not in capfd.readouterr().err

    def test_a_connection_is_used_again(self, server: PagesServer) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        for path, status in (("/maintenance", 503), ("/suspended/quota", 402), ("/", 404)):
            connection.request("POST", path, body=b"{}")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status
        connection.close()


class TestMain:
    def test_a_taken_port_is_one_sentence(self, server: PagesServer) -> None:
        script = Path(serve.__file__)
        command = [sys.executable, str(script), "--port", str(server.server_port)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "choose another --port" in done.stderr
