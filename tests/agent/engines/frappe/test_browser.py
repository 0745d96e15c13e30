"""A Frappe site in a real browser: the desk without typing a password, and what the bench serves beside it."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect, sync_playwright

from agent.engines.port import SiteSpec
from tests.agent.engines.frappe.deployed import OWNER, Deployed

pytestmark = [pytest.mark.frappe, pytest.mark.docker, pytest.mark.timeout(3600)]
CHROMIUM = Path("/usr/bin/chromium")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-sandbox")
PATIENCE_MS = 60_000
UPLOAD = """async ([name, text, isPrivate]) => {
  const form = new FormData();
  form.append("file", new File([text], name));
  form.append("is_private", isPrivate ? "1" : "0");
  const headers = { "X-Frappe-CSRF-Token": frappe.csrf_token };
  const sent = await fetch("/api/method/upload_file", { method: "POST", body: form, headers });
  const url = (await sent.json()).message.file_url;
  const got = await fetch(url);
  return [url, got.status, await got.text(), got.headers.get("content-disposition")];
}"""
PRINT = """async () => {
  const note = await frappe.db.insert({ doctype: "Note", title: "Print me " + Date.now(), public: 1 });
  const query = new URLSearchParams({ doctype: "Note", name: note.name, format: "Standard" });
  const answer = await fetch("/api/method/frappe.utils.print_format.download_pdf?" + query);
  return [answer.status, (await answer.text()).slice(0, 5)];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        arguments = [*QUIET, "--host-resolver-rules=MAP *.localhost 127.0.0.1"]
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def site(bench: Deployed) -> SiteSpec:
    return bench.create(company='Müller & Söhne "GmbH" O\'Neill')


@pytest.fixture(scope="module")
def desk(browser: Browser, bench: Deployed, site: SiteSpec) -> Iterator[Page]:
    """The desk of the owner, opened by a link; a missing file or an error of a script fails the module."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("response", lambda answer: wrong.append(answer.url) if answer.status >= 400 else None)
    token = secrets.token_urlsafe(20)
    path = bench.engine.ensure_login_token(site.bench_id, site.site_id, OWNER, token, 60)
    page.goto(f"{address(bench, site)}{path}#{token}")
    page.wait_for_url("**/app/**")
    expect(page.locator(".layout-side-section").first).to_be_visible(timeout=PATIENCE_MS)
    yield page
    # What is under way when the window closes is no error of the page.
    seen = list(wrong)
    context.close()
    assert seen == []


def address(bench: Deployed, site: SiteSpec) -> str:
    return f"http://{site.hostname}:{bench.url.rsplit(':', 1)[1]}"


def test_realtime_knows_who_it_is(desk: Page) -> None:
    desk.wait_for_function("frappe.realtime.socket.connected")


def test_a_private_file_is_for_who_is_logged_in(bench: Deployed, site: SiteSpec, desk: Page) -> None:
    url, status, text, _ = desk.evaluate(UPLOAD, ["a b.txt", "secret", True])
    assert (status, text) == (200, "secret")
    guest = requests.get(bench.url + url, headers={"Host": site.hostname}, timeout=30)
    assert guest.status_code == 403


def test_a_picture_that_could_run_scripts_is_downloaded(desk: Page) -> None:
    _, status, text, disposition = desk.evaluate(UPLOAD, ["ü.svg", "<svg/>", False])
    assert (status, text, disposition) == (200, "<svg/>", "attachment")


def test_a_document_is_printed(desk: Page) -> None:
    assert desk.evaluate(PRINT) == [200, "%PDF-"]


def test_the_owner_is_the_tenants(desk: Page) -> None:
    assert desk.evaluate("frappe.session.user") == OWNER
    assert desk.evaluate("frappe.boot.setup_complete !== 0")


@pytest.mark.parametrize(
    "path", ["/-/realtime", "/-/files/{site}/site_config.json", "/files/../site_config.json"]
)
def test_what_is_between_the_bench_and_itself_is_closed(bench: Deployed, site: SiteSpec, path: str) -> None:
    url = bench.url + path.format(site=site.site_id)
    answer = requests.get(url, headers={"Host": site.hostname, "X-Press-Site": site.site_id}, timeout=30)
    assert answer.status_code == 404


def test_nobody_names_a_site_by_a_header(bench: Deployed, site: SiteSpec) -> None:
    for name in ("X-Press-Site", "X-Frappe-Site-Name"):
        headers = {"Host": "unknown.localhost", name: site.site_id}
        assert requests.get(f"{bench.url}/api/method/ping", headers=headers, timeout=30).status_code == 404
