"""Who asked for a login link hears when it is ready, and when it is not to be had."""

import pytest

from press_app.jobs import service as jobs
from press_app.sites import service as sites
from press_app.sites.errors import LoginLinkUnknown
from press_app.sites.lifecycle import SiteStatus
from press_app.sites.model import LoginLink, Site
from press_app.work import journal
from tests.press_app.driver import Driver


def ask(driver: Driver, site: Site, *, actor: str = "user:1") -> str:
    with driver.work.begin(actor=actor) as uow:
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
    ask(driver, site, actor="who came first")
    link_id = ask(driver, site)
    driver.answer("create_login_link")
    assert read(driver, link_id).path == "/-/login"
    assert last_line(driver, site) == (
        "site.login_link",
        "A link that logs in once is ready for user:1.",
    )


def test_the_news_come_with_the_failure(driver: Driver) -> None:
    site = driver.active_site()
    ask(driver, site, actor="who came first")
    link_id = ask(driver, site)
    driver.refuse("create_login_link", "The bench is away.")
    assert read(driver, link_id).error == "The bench is away."
    kind, message = last_line(driver, site)
    assert kind == "site.login_link"
    assert "The bench is away." in message


class TestFirstLink:
    def test_it_is_given_at_once_to_who_asks_first_and_to_nobody_else(self, driver: Driver) -> None:
        site = driver.active_site()
        first = ask(driver, site, actor="user:1")
        assert driver.orders("create_login_link") == []
        assert (read(driver, first).asked_by, read(driver, first).path) == ("user:1", "/-/login")
        assert last_line(driver, site) == (
            "site.login_link",
            "A link that logs in once was given to user:1.",
        )
        second = ask(driver, site, actor="user:2")
        assert second != first
        assert len(driver.orders("create_login_link")) == 1

    def test_its_token_is_what_the_host_was_given(self, driver: Driver) -> None:
        site = driver.active_site()
        (job,) = [job for job in driver.list_jobs(site) if job.operation == "create_site"]
        ref = job.params["first_login"]["token"]
        with driver.work.begin(actor="user:1") as uow:
            link = sites.request_login_link(uow, sites.get_site(uow.session, site.id))
            url = sites.open_login_link(uow, link, "https://acme.example")
            assert url == f"https://acme.example/-/login#{jobs.open_secret(uow, ref)}"
        assert job.params["first_login"]["ttl_seconds"] == 900

    def test_one_that_is_about_to_end_is_not_given(self, driver: Driver) -> None:
        site = driver.active_site()
        driver.clock.advance(minutes=11)
        ask(driver, site)
        assert len(driver.orders("create_login_link")) == 1

    def test_data_that_are_replaced_take_it_along(self, driver: Driver) -> None:
        site = driver.active_site()
        driver.observe("end")
        driver.finish_all()
        driver.observe("run")
        driver.finish_all()
        assert driver.site(site.id).status is SiteStatus.ACTIVE
        ask(driver, site)
        assert len(driver.orders("create_login_link")) == 1

    def test_a_suspension_and_a_new_password_take_it_along(self, driver: Driver) -> None:
        site = driver.active_site()
        driver.observe("hold")
        driver.finish_all()
        driver.observe("run")
        driver.finish_all()
        assert driver.site(site.id).status is SiteStatus.ACTIVE
        ask(driver, site)
        assert len(driver.orders("create_login_link")) == 1
        other = driver.active_site("other")
        with driver.work.begin(actor="user:1") as uow:
            sites.request_password(uow, sites.get_site(uow.session, other.id), None)
        ask(driver, other)
        assert len(driver.orders("create_login_link")) == 1

    @pytest.mark.parametrize("path", [None, "//evil.example/-/login", 7])
    def test_a_path_that_leads_elsewhere_is_none(self, driver: Driver, path: object) -> None:
        driver.observe()
        driver.run()
        driver.answer("create_site", login_path=path)
        driver.finish_all()
        ask(driver, driver.site())
        assert len(driver.orders("create_login_link")) == 1

    def test_links_of_long_ago_are_forgotten(self, driver: Driver) -> None:
        site = driver.active_site()
        link_id = ask(driver, site)
        driver.pass_time(hours=2)
        assert read(driver, link_id).asked_by == "user:1"
        driver.pass_time(hours=25)
        driver.call("site.forget")
        with pytest.raises(LoginLinkUnknown):
            read(driver, link_id)
