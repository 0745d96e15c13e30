"""The agents' doors over HTTP, with credentials as agents make them, and the jobs that people read."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from joserfc.jwk import OKPKey

from press_app.servers import service as servers
from press_app.sites.lifecycle import SiteStatus
from tests.factories.access import bearer, make_token
from tests.factories.servers import make_key
from tests.factories.signing import make_agent_token, sign_body
from tests.press_app.driver import Driver

EVENTS = "/v1/agent-events"
SECRETS = "/v1/agent-secrets"


class Agent:
    """The agent of the driver's server, with a key of its own."""

    def __init__(self, client: TestClient, driver: Driver) -> None:
        self.client, self.driver, self.key = client, driver, make_key()
        with driver.work.begin(actor="operator") as uow:
            public = self.key.as_pem(private=False).decode()
            servers.enroll(uow, driver.server_id, url="http://127.0.0.1:9000", agent_key=public)

    def post(self, url: str, body: object, operation: str, key: OKPKey | None = None) -> Any:
        raw, headers = sign_body(
            key or self.key,
            self.driver.server_id,
            operation=operation,
            body=body,
            now=self.driver.clock.now(),
        )
        return self.client.post(url, content=raw, headers=headers)

    def push(self, *events: object) -> Any:
        return self.post(EVENTS, {"ledger_id": "ledger-1", "events": events}, "events.push")


@pytest.fixture
def agent(client: TestClient, driver: Driver) -> Agent:
    return Agent(client, driver)


class TestPushEvents:
    def test_bring_a_site_to_life(self, agent: Agent, driver: Driver) -> None:
        driver.observe()
        driver.run()
        (order,) = driver.orders()
        agent_events = driver.agents.events[driver.server_id]
        driver.agents.finish(driver.server_id, order.job_id, {"size_bytes": 5})
        answer = agent.push(*agent_events)
        assert (answer.status_code, answer.json()) == (200, {"acknowledged": 2})
        assert agent.push(*agent_events).json() == {"acknowledged": 2}
        driver.run()
        assert driver.site().status is SiteStatus.ACTIVE

    def test_that_do_not_fit_the_contract_are_refused_whole(self, agent: Agent) -> None:
        answer = agent.push({"seq": 1, "job_id": "x", "kind": "job.finished"})
        assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")

    def test_replayed_are_refused(self, agent: Agent, driver: Driver) -> None:
        body = {"ledger_id": "ledger-1", "events": []}
        raw, headers = sign_body(
            agent.key, driver.server_id, operation="events.push", body=body, now=driver.clock.now()
        )
        first = agent.client.post(EVENTS, content=raw, headers=headers)
        again = agent.client.post(EVENTS, content=raw, headers=headers)
        assert (first.status_code, again.status_code) == (200, 401)
        assert again.json()["code"] == "credential_replayed"
        assert again.headers["www-authenticate"] == "Bearer"

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"op": "secrets.fetch"}, "credential_wrong_operation"),
            ({"aud": "somebody"}, "credential_wrong_audience"),
            ({"body_sha256": "0" * 64}, "credential_wrong_body"),
            ({"iat": 0, "exp": 60}, "credential_expired"),
            ({"exp": 2**40}, "credential_invalid"),
        ],
    )
    def test_with_a_wrong_claim_are_refused(
        self, agent: Agent, driver: Driver, changes: dict[str, Any], code: str
    ) -> None:
        raw = b'{"ledger_id": "l", "events": []}'
        token = make_agent_token(
            agent.key, driver.server_id, operation="events.push", body=raw, now=driver.clock.now(), **changes
        )
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        answer = agent.client.post(EVENTS, content=raw, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, code)

    def test_signed_by_somebody_else_are_refused(self, agent: Agent) -> None:
        body = {"ledger_id": "l", "events": []}
        answer = agent.post(EVENTS, body, "events.push", key=make_key())
        assert (answer.status_code, answer.json()["code"]) == (401, "credential_invalid")

    def test_need_more_than_an_api_token(self, agent: Agent, driver: Driver) -> None:
        with driver.work.begin(actor="test") as uow:
            secret = make_token(uow, ["operator"])
        answer = agent.client.post(EVENTS, json={"ledger_id": "l", "events": []}, headers=bearer(secret))
        assert answer.status_code == 401


class TestFetchSecrets:
    def test_gives_the_password_of_the_site_being_made(self, agent: Agent, driver: Driver) -> None:
        driver.observe()
        driver.run()
        (order,) = driver.orders()
        ref = order.params["admin"]["password"]
        answer = agent.post(SECRETS, {"job_id": order.job_id, "refs": [ref]}, "secrets.fetch")
        assert answer.status_code == 200
        assert set(answer.json()["secrets"]) == {ref}

    def test_refuses_what_the_job_does_not_name(self, agent: Agent, driver: Driver) -> None:
        driver.observe()
        driver.run()
        (order,) = driver.orders()
        body = {"job_id": order.job_id, "refs": ["secret://site/other/admin-password"]}
        answer = agent.post(SECRETS, body, "secrets.fetch")
        assert (answer.status_code, answer.json()["code"]) == (403, "secret_refused")


class TestReadJobs:
    def test_show_steps_and_only_names_of_secrets(self, client: TestClient, driver: Driver) -> None:
        site = driver.active_site()
        with driver.work.begin(actor="test") as uow:
            secret = make_token(uow, ["jobs:read"], team_id=site.team_id)
        (job,) = client.get(f"/v1/jobs?target={site.target}", headers=bearer(secret)).json()["items"]
        assert (job["operation"], job["status"], job["target"]) == ("create_site", "succeeded", site.target)
        one = client.get(f"/v1/jobs/{job['id']}", headers=bearer(secret)).json()
        assert one == job
        assert "params" not in one
        assert client.get("/v1/jobs/none", headers=bearer(secret)).json()["code"] == "job_unknown"
