"""Settings of a site: wanted as a whole, kept when the host took them, and no place for secrets."""

import pytest

from press_app.sites import rules
from press_app.sites import service as sites
from press_app.sites.errors import ConfigRefused, NothingToChange
from press_app.sites.lifecycle import SiteStatus
from tests.factories.subscriptions import TERMINATED
from tests.press_app.driver import Driver

GIVEN: dict[str, bool | int | str] = {"show_help": False, "session_hours": 8, "greeting": "Bonjour"}


def set_config(driver: Driver, config: dict[str, bool | int | str]) -> None:
    with driver.work.begin(actor="owner") as uow:
        sites.request_config(uow, sites.get_site(uow.session, driver.site().id), config)


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
        ],
    )
    def test_are_refused_with_advice(self, key: str) -> None:
        with pytest.raises(ConfigRefused, match=rf"{key} looks like a secret.*inside the ERP"):
            rules.check_config({"fine": 1, key: "x"})

    @pytest.mark.parametrize(
        "key", ["session_hours", "passive_mode", "tokenizer", "keyboard", "secretary", "password_length"]
    )
    def test_other_words_are_not_meant(self, key: str) -> None:
        rules.check_config({key: "x"})
