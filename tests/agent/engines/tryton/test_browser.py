"""A site in a real browser: the menu without typing a password, and with one."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from agent.engines.port import SiteSpec
from tests.agent.engines.tryton.deployed import OWNER, Deployed
from tests.agent.support import wait_until

pytestmark = [pytest.mark.tryton, pytest.mark.browser, pytest.mark.timeout(600)]
CHROMIUM = Path("/usr/bin/chromium")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-sandbox")
MENU = "#menu tbody tr"
PATIENCE_MS = 20_000


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
    return bench.create(apps=("base", "crm", "hr"))


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page whose errors fail the test."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def address(bench: Deployed, site: SiteSpec) -> str:
    return f"http://{site.hostname}:{bench.url.rsplit(':', 1)[1]}"


def test_login_link_opens_the_menu_and_only_once(bench: Deployed, site: SiteSpec, page: Page) -> None:
    path = bench.engine.ensure_login_token(site.bench_id, site.site_id, OWNER, "browser-token", 60)
    page.goto(f"{address(bench, site)}{path}#browser-token")
    expect(page.locator(MENU).first).to_be_visible(timeout=PATIENCE_MS)
    expect(page).to_have_title(re.compile("ERP"))
    assert page.url.endswith(f"/#{site.site_id}")
    page.goto(f"{address(bench, site)}{path}#browser-token")
    expect(page.get_by_role("status")).to_have_text(re.compile("used already or is too old"))


def test_password_opens_the_menu_and_nobody_chooses_a_database(
    bench: Deployed, site: SiteSpec, page: Page
) -> None:
    page.goto(address(bench, site))
    page.locator("#login").fill(OWNER)
    expect(page.locator("#database:visible")).to_have_count(0)
    page.get_by_role("button", name="Login").click()
    page.locator("input[type=password]").fill(site.admin_password)
    page.keyboard.press("Enter")
    expect(page.locator(MENU).first).to_be_visible(timeout=PATIENCE_MS)


def test_party_made_in_the_browser_is_seen_again(bench: Deployed, site: SiteSpec, page: Page) -> None:
    path = bench.engine.ensure_login_token(site.bench_id, site.site_id, OWNER, "party-token", 60)
    page.goto(f"{address(bench, site)}{path}#party-token")
    expect(page.locator(MENU).first).to_be_visible(timeout=PATIENCE_MS)
    page.goto(f"{address(bench, site)}/#{site.site_id}/model/party.party")
    page.reload()
    page.locator("button#new_").click()
    # The form is shown before its defaults have arrived; what is typed until then is overwritten.
    expect(page.locator(".form input[name=active]:visible").first).to_be_checked(timeout=PATIENCE_MS)
    page.wait_for_load_state("networkidle")
    page.locator(".form input[name=name]:visible").first.fill("Charles Babbage")
    page.keyboard.press("Tab")
    page.locator("button#save").click()
    with bench.logged_in(site) as client:
        wanted = [["name", "=", "Charles Babbage"]]
        wait_until(lambda: client.do("model.party.party.search_count", wanted) == 1)
    page.goto(f"{address(bench, site)}/#{site.site_id}/model/party.party")
    page.reload()
    expect(page.locator("#tabcontent").get_by_text("Charles Babbage").first).to_be_visible(
        timeout=PATIENCE_MS
    )
