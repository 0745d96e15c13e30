"""Who asked for a login link hears when it is ready, and when it is not to be had."""

from press_app.sites import service as sites
from press_app.sites.model import LoginLink, Site
from press_app.work import journal
from tests.press_app.driver import Driver


def ask(driver: Driver, site: Site) -> str:
    with driver.work.begin(actor="user:1") as uow:
        link = sites.request_login_link(uow, sites.get_site(uow.session, site.id))
    driver.run()
    return link.id


def read(driver: Driver, link_id: str) -> LoginLink:
    with driver.work.read() as session:
        return sites.get_login_link(session, link_id)


def last_line(driver: Driver, site: Site) -> tuple[str, str]:
    with driver.work.read() as session:
        line = journal.list_timeline(session, site.target, limit=1)[0]
        return line.kind, line.message


def test_the_news_come_with_the_link(driver: Driver) -> None:
    site = driver.active_site()
    link_id = ask(driver, site)
    driver.answer("create_login_link")
    assert read(driver, link_id).path == "/-/login"
    assert last_line(driver, site) == (
        "site.login_link",
        "A link that logs in once is ready for user:1.",
    )


def test_the_news_come_with_the_failure(driver: Driver) -> None:
    site = driver.active_site()
    link_id = ask(driver, site)
    driver.refuse("create_login_link", "The bench is away.")
    assert read(driver, link_id).error == "The bench is away."
    kind, message = last_line(driver, site)
    assert kind == "site.login_link"
    assert "The bench is away." in message
