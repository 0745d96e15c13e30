"""What a person sees in a real browser: the login link, the ERP at work, and the page of a suspended site."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from press_app.cli.sites import make_login_link
from tests.e2e.platform import Platform
from tests.e2e.tenants import Tenant, Tenants

pytestmark = [pytest.mark.platform, pytest.mark.browser, pytest.mark.timeout(300)]

CHROMIUM = Path(shutil.which("chromium") or "/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.localhost 127.0.0.1",
)
PATIENCE_MS = 60_000
NAME = "Augusta Ada King"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A browser that was never here before."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def open_link(platform: Platform, tenant: Tenant, page: Page) -> str:
    """Follow a one-time link to the ERP's menu; the link."""
    link = str(make_login_link(platform.api, tenant.sites[0]["id"])["url"])
    page.goto(link)
    expect(in_menu(page, "Parties").first).to_be_visible(timeout=PATIENCE_MS)
    return link


def in_menu(page: Page, text: str) -> Locator:
    return page.locator("#menu tr", has=page.get_by_text(text, exact=True))


def open_parties(page: Page) -> None:
    """Unfold the menu and open the list."""
    entries = in_menu(page, "Parties")
    expect(entries.first).to_be_visible(timeout=PATIENCE_MS)
    if entries.count() == 1:
        entries.first.locator(".expander").click()
    expect(entries).to_have_count(2, timeout=PATIENCE_MS)
    entries.nth(1).get_by_text("Parties", exact=True).dblclick()
    expect(page.locator("button#new_")).to_be_enabled(timeout=PATIENCE_MS)


def test_a_person_logs_in_creates_a_party_and_finds_it_again(
    platform: Platform, tenants: Tenants, page: Page
) -> None:
    tenant = tenants.active()
    link = open_link(platform, tenant, page)
    assert link.rpartition("#")[2] not in page.url

    open_parties(page)
    page.locator("button#new_").click()
    name = page.get_by_label("Name:", exact=True)
    expect(name).to_be_focused(timeout=PATIENCE_MS)
    # The form is drawn before the server's defaults come, and they replace what was typed until then.
    page.wait_for_load_state("networkidle")
    name.press_sequentially(NAME)
    page.keyboard.press("Tab")
    expect(name).to_have_value(NAME)
    page.locator("button#save").click()
    # The ERP gives the code when it has stored the party.
    expect(page.get_by_label("Code:", exact=True)).not_to_have_value("", timeout=PATIENCE_MS)

    page.reload()
    open_parties(page)
    expect(page.locator("#tabcontent tr", has_text=NAME)).to_be_visible(timeout=PATIENCE_MS)
    assert tenant.log_in().find_parties(NAME) == [NAME]


def test_a_link_works_once(platform: Platform, tenants: Tenants, page: Page, browser: Browser) -> None:
    link = open_link(platform, tenants.active(), page)
    other = browser.new_page()
    other.goto(link)
    expect(other.get_by_text("was used already")).to_be_visible(timeout=PATIENCE_MS)
    assert not other.context.cookies()
    other.close()


def test_a_suspended_site_says_why_and_opens_again(platform: Platform, tenants: Tenants, page: Page) -> None:
    tenant = tenants.active()
    invoice = tenant.fail_payment()
    tenant.wait_seen(402)
    url = str(platform.api.get(f"/v1/sites/{tenant.sites[0]['id']}")["url"])
    answer = page.goto(url)
    assert answer is not None
    assert answer.status == 402
    expect(page.locator("body")).to_contain_text("data")
    platform.lago.set_payment(invoice, "succeeded")
    tenant.wait_for("active")
    open_link(platform, tenant, page)
