"""Orders name the key that encrypts a backup, and the one that opens it; what it is made of goes to the agent alone."""

import base64

import pytest

from press_app.backups import service as backups
from press_app.jobs import service as jobs
from press_app.jobs.errors import SecretRefused
from press_app.keys import service as keys
from press_app.servers import service as servers
from press_app.sites import service as sites
from tests.factories.agents import receipt_of
from tests.press_app.driver import Driver


def take(driver: Driver, site_id: str) -> str:
    with driver.work.begin(actor="owner") as uow:
        backup_id, _ = sites.request_backup(uow, sites.get_site(uow.session, site_id))
    driver.run()
    return backup_id


def rotate(driver: Driver, team_id: str) -> str:
    with driver.work.begin(actor="owner") as uow:
        return keys.rotate(uow, team_id).id


def restore(driver: Driver, site_id: str, backup_id: str) -> None:
    with driver.work.begin(actor="owner") as uow:
        backup = backups.get_backup(uow.session, backup_id)
        backups.request_restore(uow, sites.get_site(uow.session, site_id), backup)
    driver.run()


def test_a_backup_names_its_teams_key_and_the_row_keeps_which(driver: Driver) -> None:
    site = driver.active_site()
    backup_id = take(driver, site.id)
    (order,) = driver.orders("take_backup")
    driver.answer()
    with driver.work.read() as session:
        assert order.params["key"]["id"] == backups.get_backup(session, backup_id).key_id


def test_a_newer_key_encrypts_and_the_older_still_opens(driver: Driver) -> None:
    site = driver.active_site()
    old = take(driver, site.id)
    (first,) = driver.orders("take_backup")
    driver.answer()
    newer = rotate(driver, site.team_id)
    take(driver, site.id)
    (second,) = driver.orders("take_backup")
    driver.answer()
    assert (second.params["key"]["id"], first.params["key"]["id"] == newer) == (newer, False)
    restore(driver, site.id, old)
    (order,) = driver.orders("restore_site")
    assert order.params["backup_key"] == first.params["key"]
    assert "key" not in order.params


def test_a_backup_of_an_earlier_version_is_restored_without_a_key(driver: Driver) -> None:
    site = driver.active_site()
    backup_id = take(driver, site.id)
    driver.answer()
    with driver.work.begin(actor="test") as uow:
        backup = backups.get_backup(uow.session, backup_id)
        receipt = dict(backup.receipt or {})
        backup.receipt = {name: value for name, value in receipt.items() if name != "key_id"}
    restore(driver, site.id, backup_id)
    (order,) = driver.orders("restore_site")
    assert "backup_key" not in order.params


def test_the_agent_gets_the_key_for_its_open_job_alone(driver: Driver) -> None:
    site = driver.active_site()
    take(driver, site.id)
    (order,) = driver.orders("take_backup")
    ref = order.params["key"]["secret"]
    with driver.work.begin(actor="agent") as uow:
        server = servers.get_server(uow.session, driver.server_id)
        value = jobs.read_secrets(uow, server, order.job_id, [ref])[ref]
    assert len(base64.urlsafe_b64decode(value)) == 32
    driver.answer()
    with pytest.raises(SecretRefused), driver.work.begin(actor="agent") as uow:
        jobs.read_secrets(uow, server, order.job_id, [ref])


def test_an_archive_that_is_ended_names_both_keys(driver: Driver) -> None:
    site = driver.active_site()
    driver.observe("end")
    driver.finish_all_but("archive_site")
    (first,) = driver.orders("archive_site")
    backup = receipt_of(first, driver.clock.now())
    driver.refuse("archive_site", compensated=False, result={"backup": backup})
    newer = rotate(driver, site.team_id)
    driver.pass_time(minutes=30)
    (again,) = driver.orders("archive_site")
    assert again.params["key"]["id"] == newer
    assert again.params["backup_key"]["id"] == backup["key_id"] == first.params["key"]["id"]
