"""An agent that was taken over, or is broken: what it tells can spoil its own host, and nothing else."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from press_app.benches import service as benches
from press_app.benches.lifecycle import BenchStatus
from press_app.servers import service as servers
from press_app.sites import service as sites
from tests.factories.access import bearer
from tests.factories.servers import make_release
from tests.factories.signing import make_agent_token
from tests.press_app.driver import Driver
from tests.press_app.scene import Scene, add_members, enrol_agent, make_scene

NO_ADDRESSES: list[Any] = [
    None,
    7,
    ["http://127.0.0.1:7001"],
    "",
    "127.0.0.1:7001",
    "file:///etc/passwd",
    "http://127.0.0.1:7001/{{ env `HOME` }}",
    "http://{{ env `HOME` }}/",
    "http://127.0.0.1:7001\n  evil:",
    "http://a b",
    "http://user:pass@127.0.0.1:7001",
    "http://127.0.0.1:7001/?x",
    "http://127.0.0.1:7001/#x",
    "http://" + "a" * 300,
]
NO_PATHS: list[Any] = [
    None,
    7,
    "",
    "-/login",
    "@evil.example/",
    ".evil.example/",
    ":80@evil.example",
    "//evil.example/",
    "/../x",
    "/a b",
    "/a\r\nSet-Cookie: x",
    "/-/login?next=//evil.example",
    "/-/login#x",
    "/" + "a" * 64,
]


@pytest.fixture
def scene(client: TestClient, driver: Driver) -> Scene:
    made = make_scene(client, driver)
    add_members(made)
    enrol_agent(made)
    return made


def push(scene: Scene, raw: bytes) -> Response:
    token = make_agent_token(
        scene.agent_key,
        scene.driver.server_id,
        operation="events.push",
        body=raw,
        now=scene.driver.clock.now(),
    )
    headers = {**bearer(token), "Content-Type": "application/json"}
    answer: Response = scene.client.post("/v1/agent-events", content=raw, headers=headers)
    return answer


def make_news(scene: Scene, job_id: str, *, seconds: str = "1", result: str = "null") -> bytes:
    step = f'{{"key": "a", "title": "A", "state": "done", "seconds": {seconds}}}'
    job = f'{{"id": "{job_id}", "status": "running", "steps": [{step}], "result": {result}}}'
    event = f'{{"seq": 1000, "job_id": "{job_id}", "kind": "job.step", "job": {job}}}'
    return f'{{"ledger_id": "{scene.driver.agents.ledger_id}", "events": [{event}]}}'.encode()


def order_backup(scene: Scene) -> str:
    with scene.driver.work.begin(actor="owner") as uow:
        _, job = sites.request_backup(uow, sites.get_site(uow.session, scene.ids["site_id"]))
    scene.driver.run()
    return job.id


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_no_database_stores_are_refused(scene: Scene, number: str) -> None:
    job_id = order_backup(scene)
    for news in (
        make_news(scene, job_id, seconds=number),
        make_news(scene, job_id, result=f'{{"deep": [{{"a": {number}}}]}}'),
    ):
        answer = push(scene, news)
        assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
    assert push(scene, make_news(scene, job_id)).status_code == 200
    assert scene.driver.job(job_id).steps[0]["seconds"] == 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("url", NO_ADDRESSES, ids=lambda url: repr(url)[:40])
def test_a_bench_without_a_plain_address_is_broken_and_told(driver: Driver, url: Any) -> None:
    with driver.work.begin(actor="operator") as uow:
        bench_id = benches.add_bench(uow, release_id=make_release(uow).id).id
    driver.run()
    driver.answer("deploy_bench", url=url)
    with driver.work.read() as session:
        bench = benches.get_bench(session, bench_id)
    assert (bench.status, bench.url) == (BenchStatus.BROKEN, None)
    assert (bench.error or {})["code"] == "agent_answer_unusable"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("path", NO_PATHS, ids=lambda path: repr(path)[:40])
def test_a_login_link_never_leads_to_another_host(scene: Scene, path: Any) -> None:
    """The token of a login stands behind this path."""
    url = f"/v1/sites/{scene.ids['site_id']}/login-links"
    made = scene.client.post(url, headers=scene.callers["owner"])
    scene.driver.run()
    scene.driver.answer("create_login_link", path=path)
    link = scene.client.get(f"{url}/{made.json()['id']}", headers=scene.callers["owner"]).json()
    assert link["url"] is None
    assert link["error"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_one_agent_cannot_speak_of_anothers_jobs_or_read_their_secrets(scene: Scene) -> None:
    with scene.driver.work.begin(actor="operator") as uow:
        link = sites.request_login_link(uow, sites.get_site(uow.session, scene.ids["site_id"]))
    scene.driver.run()
    job = scene.driver.job(link.job_id)
    other = add_server(scene)
    before = job.status
    assert push(scene, make_news(scene, job.id)).status_code == 200
    assert scene.driver.job(job.id).status is before
    raw = json.dumps({"job_id": job.id, "refs": [job.params["token"]]}).encode()
    token = make_agent_token(
        scene.agent_key, other, operation="secrets.fetch", body=raw, now=scene.driver.clock.now()
    )
    headers = {**bearer(token), "Content-Type": "application/json"}
    answer = scene.client.post("/v1/agent-secrets", content=raw, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "secret_refused")
    assert other != job.server_id


def add_server(scene: Scene) -> str:
    """Another server, whose agent has the scene's key from now on."""
    public = scene.agent_key.as_pem(private=False).decode()
    with scene.driver.work.begin(actor="operator") as uow:
        server = servers.add_server(uow, name="taken-over")
        servers.enroll(uow, server.id, url="http://127.0.0.1:9001", agent_key=public)
    scene.driver.server_id = server.id
    return server.id
