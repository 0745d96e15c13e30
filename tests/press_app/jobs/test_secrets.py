"""Secrets travel by reference: who gets them, and where they never stand."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from press_app.jobs import service as jobs
from press_app.jobs.errors import SecretRefused
from press_app.jobs.model import Job, Secret
from press_app.servers import service as servers
from press_app.sites import service as sites
from press_app.work.model import JournalRow, TaskRow
from tests.factories.servers import make_server
from tests.press_app.driver import Driver


def fetch(driver: Driver, job_id: str, *refs: str, server_id: str | None = None) -> dict[str, str]:
    with driver.work.begin(actor="agent") as uow:
        server = servers.get_server(uow.session, server_id or driver.server_id)
        return jobs.read_secrets(uow, server, job_id, refs)


@pytest.fixture
def installing(driver: Driver) -> Driver:
    driver.observe()
    driver.run()
    return driver


class TestReadSecrets:
    def test_gives_an_open_job_what_it_names(self, installing: Driver) -> None:
        (order,) = installing.orders()
        ref = order.params["admin"]["password"]
        assert ref == f"secret://site/{installing.site().id}/admin-password"
        found = fetch(installing, order.job_id, ref)
        assert len(found[ref]) >= 20
        assert fetch(installing, order.job_id, ref) == found

    def test_refuses_what_the_job_does_not_name(self, installing: Driver) -> None:
        (order,) = installing.orders()
        with installing.work.begin(actor="test") as uow:
            jobs.put_secret(uow, "secret://site/other/admin-password", "x")
        with pytest.raises(SecretRefused):
            fetch(installing, order.job_id, "secret://site/other/admin-password")

    def test_refuses_another_server_and_unknown_jobs(self, installing: Driver) -> None:
        (order,) = installing.orders()
        ref = order.params["admin"]["password"]
        with installing.work.begin(actor="test") as uow:
            stranger = make_server(uow).id
        with pytest.raises(SecretRefused):
            fetch(installing, order.job_id, ref, server_id=stranger)
        with pytest.raises(SecretRefused):
            fetch(installing, "no-such-job", ref)

    def test_refuses_a_job_that_ended(self, installing: Driver) -> None:
        (order,) = installing.orders()
        installing.answer()
        with pytest.raises(SecretRefused):
            fetch(installing, order.job_id, order.params["admin"]["password"])

    def test_refuses_what_expired_and_forgets_it(self, installing: Driver) -> None:
        installing.answer()
        with installing.work.begin(actor="owner") as uow:
            sites.request_login_link(uow, sites.get_site(uow.session, installing.site().id))
            link = sites.request_login_link(uow, sites.get_site(uow.session, installing.site().id))
        installing.run()
        (order,) = installing.orders("create_login_link")
        ref = order.params["token"]
        assert fetch(installing, link.job_id, ref)
        installing.clock.advance(minutes=5)
        with pytest.raises(SecretRefused):
            fetch(installing, link.job_id, ref)
        installing.clock.advance(seconds=1)
        installing.call("job.forget")
        with installing.work.read() as session:
            assert session.get(Secret, ref) is None

    def test_finds_references_at_any_depth(self, driver: Driver) -> None:
        with driver.work.begin(actor="test") as uow:
            ref = jobs.put_secret(uow, "secret://deep", "value")
            params = {"users": [{"password": ref}]}
            job = jobs.request_job(
                uow,
                server_id=driver.server_id,
                operation="x",
                target="x:1",
                params=params,
                purpose="x",
                within=timedelta(minutes=1),
            )
        assert fetch(driver, job.id, ref) == {ref: "value"}


class TestNowhereElse:
    def test_no_row_holds_a_secret_in_the_clear(self, driver: Driver) -> None:
        site = driver.active_site()
        with driver.work.begin(actor="owner") as uow:
            row = sites.get_site(uow.session, site.id)
            _, password = sites.request_password(uow, row, "correct horse battery")
            sites.request_login_link(uow, row)
            link = sites.request_login_link(uow, row)
        driver.run()
        token_ref = f"secret://login/{link.id}/token"
        token = fetch(driver, link.job_id, token_ref)[token_ref]
        driver.finish_all()
        with driver.work.read() as session:
            texts = [
                json.dumps([job.params, job.steps, job.result, job.error])
                for job in session.scalars(select(Job))
            ]
            texts += [f"{row.message} {json.dumps(row.data)}" for row in session.scalars(select(JournalRow))]
            texts += [json.dumps(row.args) for row in session.scalars(select(TaskRow))]
            sealed = [secret.sealed for secret in session.scalars(select(Secret))]
        everything = "\n".join(texts)
        for secret in (password, token):
            assert secret not in everything
            assert not any(secret.encode() in value for value in sealed)
