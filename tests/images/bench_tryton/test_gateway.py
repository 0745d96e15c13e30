"""What the bench's public door lets in, seen from outside."""

import time
from concurrent.futures import ThreadPoolExecutor
from json import loads

import pytest
import requests

from agent.engines.port import SiteSpec
from agent.host.locks import file_lock
from tests.agent.engines.tryton.deployed import Deployed

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(600)]
LIST = {"id": 1, "method": "common.db.list", "params": []}


@pytest.fixture(scope="module")
def site(bench: Deployed) -> SiteSpec:
    return bench.create()


@pytest.fixture(scope="module")
def other(bench: Deployed) -> SiteSpec:
    return bench.create()


def ask(
    bench: Deployed,
    method: str,
    path: str,
    hostname: str,
    *,
    headers: dict[str, str] | None = None,
    json: object = None,
    data: str | None = None,
    timeout: float = 30,
) -> requests.Response:
    """Send one request with the path as it is: a client that tidies paths up would hide what the bench does with them."""
    request = requests.Request(
        method, bench.url, headers={"Host": hostname, **(headers or {})}, json=json, data=data
    )
    prepared = request.prepare()
    prepared.url = bench.url + path
    with requests.Session() as session:
        return session.send(prepared, timeout=timeout, allow_redirects=False)


def log_in(
    bench: Deployed,
    site: SiteSpec,
    password: str | None = None,
    headers: dict[str, str] | None = None,
    timeout: float = 30,
) -> requests.Response:
    parameters = {"password": password or site.admin_password}
    call = {"id": 1, "method": "common.db.login", "params": [site.admin_login, parameters]}
    path = f"/{site.site_id}/session/login"
    return ask(bench, "POST", path, site.hostname, json=call, headers=headers, timeout=timeout)


class TestHostname:
    def test_leads_to_one_database_only(self, bench: Deployed, site: SiteSpec, other: SiteSpec) -> None:
        assert ask(bench, "POST", "/rpc/", site.hostname, json=LIST).json()["result"] == [site.site_id]
        for path in (
            f"/{other.site_id}/rpc/",
            f"/{site.site_id}/../{other.site_id}/rpc/",
            f"/{site.site_id}/%2e%2e/{other.site_id}/rpc/",
            f"/{site.site_id}%2f..%2f{other.site_id}/rpc/",
            f"//{other.site_id}/rpc/",
            f"/{other.site_id}/session/login",
        ):
            answer = ask(bench, "POST", path, site.hostname, json=LIST)
            assert answer.status_code == 404, path
            assert other.site_id not in answer.text

    def test_is_read_without_case_and_port(self, bench: Deployed, site: SiteSpec) -> None:
        answer = ask(bench, "POST", "/rpc/", f"{site.hostname.upper()}:8443", json=LIST)
        assert answer.json()["result"] == [site.site_id]

    def test_of_nobody_is_not_found(self, bench: Deployed, site: SiteSpec) -> None:
        for hostname in ("nobody.localhost", "127.0.0.1", "", f"{site.hostname}.evil.example"):
            assert ask(bench, "GET", "/", hostname).status_code == 404
            assert ask(bench, "POST", "/rpc/", hostname, json=LIST).status_code == 404

    def test_is_not_taken_from_forwarded_headers(
        self, bench: Deployed, site: SiteSpec, other: SiteSpec
    ) -> None:
        headers = {"X-Forwarded-Host": other.hostname, "Forwarded": f"host={other.hostname}"}
        answer = ask(bench, "POST", "/rpc/", site.hostname, json=LIST, headers=headers)
        assert answer.json()["result"] == [site.site_id]


class TestPaths:
    @pytest.mark.parametrize(
        "path", ["/", "/dist/tryton-sao.js", "/node_modules/jquery/dist/jquery.js", "/LICENSE", "/COPYRIGHT"]
    )
    def test_of_the_web_client_are_served(self, bench: Deployed, site: SiteSpec, path: str) -> None:
        first = ask(bench, "GET", path, site.hostname)
        assert first.status_code == 200
        again = ask(bench, "GET", path, site.hostname, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")

    def test_of_every_file_the_page_names_exist(self, bench: Deployed, site: SiteSpec) -> None:
        page = ask(bench, "GET", "/", site.hostname).text
        names = [part.split('"')[0] for part in page.replace('href="', 'src="').split('src="')[1:]]
        names = [name for name in names if not name.startswith(("javascript:", "README"))]
        assert len(names) > 15
        missing = [name for name in names if ask(bench, "GET", f"/{name}", site.hostname).status_code != 200]
        assert missing == []

    @pytest.mark.parametrize(
        "path",
        [
            "/health",
            "/-/health",
            "/sites/x/reload",
            "/../bench.json",
            "/%2e%2e/bench.json",
            "/rpc",
            "/databases/",
            "/Gruntfile.js",
        ],
    )
    def test_of_anything_else_are_not_found(self, bench: Deployed, site: SiteSpec, path: str) -> None:
        for method in ("GET", "POST", "PUT", "OPTIONS"):
            assert ask(bench, method, path, site.hostname).status_code == 404, (method, path)

    @pytest.mark.parametrize("method", ["common.server.drop", "system.listMethods", "common.db.create"])
    def test_offer_no_other_server_method(self, bench: Deployed, site: SiteSpec, method: str) -> None:
        call = {"id": 1, "method": method, "params": []}
        assert ask(bench, "POST", "/rpc/", site.hostname, json=call).status_code == 404

    def test_of_the_login_page_allow_no_foreign_script(self, bench: Deployed, site: SiteSpec) -> None:
        page = ask(bench, "GET", "/-/login", site.hostname)
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert "<script>" not in page.text
        assert ask(bench, "GET", "/-/login.js", site.hostname).status_code == 200


class TestSession:
    def test_cookie_is_secure_where_the_browser_came_by_https(self, bench: Deployed, site: SiteSpec) -> None:
        plain = log_in(bench, site).headers["Set-Cookie"]
        safe = log_in(bench, site, headers={"X-Forwarded-Proto": "https"}).headers["Set-Cookie"]
        assert "Secure" not in plain
        assert "Secure" in safe
        for cookie in (plain, safe):
            assert {"HttpOnly", "SameSite=Strict", f"Path=/{site.site_id}"} <= set(cookie.split("; "))

    def test_is_bound_to_the_address_the_proxy_saw(self, bench: Deployed, site: SiteSpec) -> None:
        here, there = {"X-Forwarded-For": "198.51.100.7"}, {"X-Forwarded-For": "203.0.113.9"}
        cookie = log_in(bench, site, headers=here).headers["Set-Cookie"].split(";")[0]
        call = {"id": 1, "method": "model.res.user.get_preferences", "params": [True, {}]}
        path = f"/{site.site_id}/rpc/"
        for address, status in ((here, 200), (there, 401)):
            headers = {**address, "Cookie": cookie}
            assert ask(bench, "POST", path, site.hostname, json=call, headers=headers).status_code == status

    def test_of_another_site_opens_nothing(self, bench: Deployed, site: SiteSpec, other: SiteSpec) -> None:
        cookie = log_in(bench, site).headers["Set-Cookie"].split(";")[0]
        call = {"id": 1, "method": "model.res.user.get_preferences", "params": [True, {}]}
        headers = {"Cookie": cookie}
        answer = ask(bench, "POST", f"/{other.site_id}/rpc/", other.hostname, json=call, headers=headers)
        assert answer.status_code == 401

    def test_is_refused_to_the_page_of_another_origin(self, bench: Deployed, site: SiteSpec) -> None:
        assert log_in(bench, site, headers={"Origin": "http://evil.example"}).status_code == 403
        assert log_in(bench, site, headers={"Origin": f"http://{site.hostname}"}).status_code == 200
        bench.engine.ensure_login_token(site.bench_id, site.site_id, site.admin_login, "origin-token", 60)
        for origin, status in (("http://evil.example", 404), (f"http://{site.hostname}", 200)):
            headers = {"Origin": origin}
            answer = ask(
                bench, "POST", "/-/session", site.hostname, json={"token": "origin-token"}, headers=headers
            )
            assert answer.status_code == status

    def test_cannot_be_opened_with_anything_but_a_token(self, bench: Deployed, site: SiteSpec) -> None:
        for body in ("", "{}", "[]", "null", '{"token": 5}', '{"token": "../x"}', "{" + " " * 20000 + "}"):
            headers = {"Content-Type": "application/json"}
            answer = ask(bench, "POST", "/-/session", site.hostname, data=body, headers=headers)
            assert answer.status_code in {404, 410}, body[:20]

    def test_failures_of_one_do_not_keep_others_waiting(self, bench: Deployed) -> None:
        site = bench.create()
        with bench.logged_in(site) as client, ThreadPoolExecutor(4) as pool:
            for _ in range(3):
                assert log_in(bench, site, "wrong").status_code == 401
            guesses = [pool.submit(log_in, bench, site, "wrong", timeout=8) for _ in range(4)]
            for _ in range(10):
                client.do("model.party.party.search_count", [])
            assert not all(guess.done() for guess in guesses), (
                "the calls had to wait until the guesses were over"
            )


class TestClosedSite:
    def test_says_so_to_people_and_programs(self, bench: Deployed) -> None:
        site = bench.create()
        bench.engine.ensure_site_suspended(site.bench_id, site.site_id, "<script>alert(1)</script>")
        page = ask(bench, "GET", "/", site.hostname)
        call = ask(bench, "POST", f"/{site.site_id}/rpc/", site.hostname, json=LIST)
        assert (page.status_code, call.status_code) == (402, 402)
        assert "suspended" in page.text
        assert "<script>" not in page.text
        assert call.json()["title"] == "Suspended"


class TestUp:
    def test_is_said_of_a_site_that_serves_and_loads_nothing(self, bench: Deployed) -> None:
        site = bench.create()
        at = (site.bench_id, site.site_id)
        assert ask(bench, "GET", "/-/up", site.hostname).status_code == 200
        bench.engine.ensure_site_closed(*at)
        assert ask(bench, "GET", "/-/up", site.hostname).status_code == 503
        bench.engine.ensure_site_suspended(*at, "unpaid")
        assert ask(bench, "GET", "/-/up", site.hostname).status_code == 402
        assert ask(bench, "GET", "/-/up", "nobody.localhost").status_code == 404


class TestClosing:
    def test_who_waited_for_the_data_does_not_write_to_a_closed_site(self, bench: Deployed) -> None:
        site = bench.create()
        path = f"/{site.site_id}/rpc/"
        with ThreadPoolExecutor(2) as pool:
            with file_lock(bench.folder.lock(site.site_id), timeout_seconds=10):
                waiting = pool.submit(ask, bench, "POST", path, site.hostname, json=LIST)
                time.sleep(0.5)
                closing = pool.submit(bench.engine.ensure_site_closed, site.bench_id, site.site_id)
                time.sleep(0.5)
            assert closing.result()
            assert waiting.result().status_code == 503


class TestControlDoor:
    def test_is_shut_without_the_secret(self, bench: Deployed) -> None:
        note = bench.folder.control
        door = loads(note.read_text("utf-8"))
        assert note.stat().st_mode & 0o077 == 0
        url = f"http://{door['host']}:{door['port']}"
        for headers in ({}, {"Authorization": "Bearer guess"}):
            assert requests.get(f"{url}/health", headers=headers, timeout=5).status_code == 401
            assert requests.post(f"{url}/sites/x/unload", headers=headers, timeout=5).status_code == 401
