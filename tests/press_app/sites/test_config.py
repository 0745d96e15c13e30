"""Settings of a site: wanted as a whole, kept when the host took them, and no place for secrets."""

import pytest

from press_app.backups import service as backups
from press_app.jobs.model import Job
from press_app.sites import rules
from press_app.sites import service as sites
from press_app.sites.errors import ConfigRefused, NothingToChange, SiteNotReady
from press_app.sites.lifecycle import SiteStatus
from press_app.work import journal
from tests.factories.subscriptions import TERMINATED, UNPAID
from tests.press_app.driver import Driver

GIVEN: dict[str, bool | int | str] = {"show_help": False, "session_hours": 8, "greeting": "Bonjour"}
OF_CRM: dict[str, bool | int | str] = {"crm_page_size": 20, "crm": 1, "show_help": False}


def set_config(driver: Driver, config: dict[str, bool | int | str]) -> Job | None:
    with driver.work.begin(actor="owner") as uow:
        return sites.request_config(uow, sites.get_site(uow.session, driver.site().id), config)


def request_apps(driver: Driver, *apps: str) -> Job:
    with driver.work.begin(actor="owner") as uow:
        return sites.request_apps(uow, sites.get_site(uow.session, driver.site().id), apps)


def take_backup(driver: Driver) -> str:
    with driver.work.begin(actor="owner") as uow:
        backup_id, _ = sites.request_backup(uow, sites.get_site(uow.session, driver.site().id))
    driver.finish_all()
    return backup_id


def restore(driver: Driver, backup_id: str) -> None:
    with driver.work.begin(actor="owner") as uow:
        site = sites.get_site(uow.session, driver.site().id)
        backups.request_restore(uow, site, backups.get_backup(uow.session, backup_id))
    driver.finish_all()


class TestConfig:
    def test_is_stored_when_the_host_took_it(self, driver: Driver) -> None:
        driver.active_site()
        set_config(driver, GIVEN)
        driver.run()
        assert driver.site().config == {}
        assert driver.site().status is SiteStatus.ACTIVE
        assert driver.edge.probe("acme.localhost") == 200
        (order,) = driver.orders("set_config")
        assert order.params["config"] == GIVEN
        driver.answer()
        site = driver.site()
        assert site.config == GIVEN
        assert site.last_change is not None
        assert site.last_change["message"] == "Settings changed: greeting, session_hours, show_help."

    def test_that_the_host_refuses_changes_nothing(self, driver: Driver) -> None:
        driver.active_site()
        set_config(driver, GIVEN)
        driver.run()
        driver.refuse("set_config", "The engine takes no 'greeting'.", code="config_refused")
        site = driver.site()
        assert (site.config, site.status) == ({}, SiteStatus.ACTIVE)
        assert site.last_change is not None
        assert site.last_change["outcome"] == "undone"
        assert "takes no 'greeting'" in site.last_change["message"]

    def test_of_unknown_outcome_are_set_back(self, driver: Driver) -> None:
        driver.active_site()
        set_config(driver, GIVEN)
        driver.run()
        driver.refuse("set_config", "The host hung.", compensated=False)
        assert driver.site().config == {}
        set_config(driver, {})
        driver.run()
        assert driver.orders("set_config")[0].params["config"] == {}
        driver.finish_all()
        change = driver.site().last_change
        assert change is not None
        assert (change["outcome"], change["message"]) == ("done", "The settings are as they were.")
        with pytest.raises(NothingToChange):
            set_config(driver, {})

    def test_comes_back_with_the_site(self, driver: Driver) -> None:
        driver.active_site()
        set_config(driver, GIVEN)
        driver.finish_all()
        driver.observe("end", reason=TERMINATED)
        driver.finish_all()
        driver.observe("run")
        driver.run()
        assert driver.orders("restore_site")[0].params["config"] == GIVEN

    def test_the_same_again_is_nothing_and_true_is_not_one(self, driver: Driver) -> None:
        driver.active_site()
        set_config(driver, {"flag": True})
        driver.finish_all()
        with pytest.raises(NothingToChange):
            set_config(driver, {"flag": True})
        set_config(driver, {"flag": 1})


class TestSitesThatDoNotServe:
    def test_of_a_suspended_site_are_set_on_its_host(self, driver: Driver) -> None:
        driver.active_site()
        driver.observe("hold", reason=UNPAID)
        driver.finish_all()
        set_config(driver, GIVEN)
        driver.finish_all()
        assert (driver.site().status, driver.site().config) == (SiteStatus.SUSPENDED, GIVEN)

    def test_of_an_archived_site_are_kept_until_it_comes_back(self, driver: Driver) -> None:
        driver.active_site()
        driver.observe("end", reason=TERMINATED)
        driver.finish_all()
        assert set_config(driver, GIVEN) is None
        driver.run()
        assert driver.orders() == []
        site = driver.site()
        assert site.config == GIVEN
        assert site.last_change is not None
        assert site.last_change["outcome"] == "done"
        driver.observe("run")
        driver.run()
        assert driver.orders("restore_site")[0].params["config"] == GIVEN

    def test_of_one_that_is_half_made_wait(self, driver: Driver) -> None:
        driver.observe()
        driver.run()
        with pytest.raises(SiteNotReady, match="is installing"):
            set_config(driver, GIVEN)


class TestRemovedApps:
    @pytest.fixture
    def with_crm(self, driver: Driver) -> Driver:
        driver.active_site(plan_code="business")
        set_config(driver, OF_CRM)
        driver.finish_all()
        return driver

    def list_lines(self, driver: Driver) -> list[str]:
        with driver.work.read() as session:
            return [line.message for line in journal.list_timeline(session, driver.site().target)]

    def test_take_their_settings_along(self, with_crm: Driver) -> None:
        request_apps(with_crm, "base", "hr")
        with_crm.finish_all()
        assert with_crm.site().config == {"crm": 1, "show_help": False}
        message = "Settings of apps that it has no more went with them: crm_page_size."
        assert message in self.list_lines(with_crm)
        with_crm.observe("end", plan_code="business", reason=TERMINATED)
        with_crm.finish_all()
        with_crm.observe("run", plan_code="business")
        with_crm.run()
        (order,) = with_crm.orders("restore_site")
        assert order.params["config"] == {"crm": 1, "show_help": False}

    def test_keep_them_where_the_change_was_undone(self, with_crm: Driver) -> None:
        request_apps(with_crm, "base", "hr")
        with_crm.run()
        with_crm.refuse("change_apps")
        assert with_crm.site().config == OF_CRM

    def test_take_them_along_with_a_restore_too(self, driver: Driver) -> None:
        driver.active_site(plan_code="business")
        job = request_apps(driver, "base")
        driver.finish_all()
        backup_id = take_backup(driver)
        restore(driver, str(job.params["backup_id"]))
        set_config(driver, OF_CRM)
        driver.finish_all()
        restore(driver, backup_id)
        assert (driver.site().apps, driver.site().config) == (["base"], {"crm": 1, "show_help": False})


@pytest.mark.parametrize(
    ("removed", "kept", "orphans"),
    [
        (["crm"], ["base"], ["crm_page", "crm_plus_page"]),
        (["crm"], ["base", "crm_plus"], ["crm_page"]),
        ([], ["base"], []),
        (["crm_plus"], ["base", "crm"], []),
    ],
)
def test_orphans_are_told_by_the_apps_name(removed: list[str], kept: list[str], orphans: list[str]) -> None:
    assert rules.list_orphans(["crm_page", "crm_plus_page", "crm", "other"], removed, kept) == orphans


class TestSecrets:
    @pytest.mark.parametrize(
        "key",
        [
            "password",
            "mail_password",
            "api_key",
            "apikey",
            "token",
            "oauth_token",
            "client_secret",
            "secrets",
            "db_pwd",
            "custom_privatekey",
            "custom_apitoken",
            "custom_pass_phrase",
            "custom_stripe_sk",
            "custom_auth",
            "encryption_key",
            "accesskey_id",
            "password_length_secret",
        ],
    )
    def test_are_refused_with_advice(self, key: str) -> None:
        with pytest.raises(ConfigRefused, match=rf"{key} looks like a secret.*inside the ERP"):
            rules.check_config({"fine": 1, key: "x"})

    @pytest.mark.parametrize(
        "key", ["session_hours", "passive_mode", "keyboard", "key_width", "sky", "password_length"]
    )
    def test_other_words_are_not_meant(self, key: str) -> None:
        rules.check_config({key: "x"})
