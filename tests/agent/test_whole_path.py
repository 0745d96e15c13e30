"""The whole path with real processes: jobs over HTTP, workers, benches, pushed results."""

import uuid
from pathlib import Path

from tests.agent.harness import RunningAgent, running_agent

LOGIN = "secret://login/first/token"


class TestWholePath:
    def test_a_site_lives_is_suspended_archived_and_comes_back(self, tmp_path: Path, redis_url: str) -> None:
        with running_agent(tmp_path, redis_url) as agent:
            agent.start_worker(0)
            plane = agent.plane
            bench = agent.deploy()
            assert bench["status"] == "succeeded", bench
            assert [made["apps"] for made in bench["result"]["templates"]] == [["base"], ["base", "crm"]]

            site_id, backup_id = str(uuid.uuid4()), str(uuid.uuid4())
            target = f"site:{site_id}"
            plane.secrets[LOGIN] = "one-time-token"
            first = {"token": LOGIN, "ttl_seconds": 60}
            site = plane.do("create_site", target, agent.create_params(site_id) | {"first_login": first})
            assert site["status"] == "succeeded", site
            assert site["result"]["created_from"] == "template"
            assert site["correlation_id"] == "c-1"
            assert [step["state"] for step in site["steps"]] == [
                "unchanged",
                "unchanged",
                "done",
                "done",
                "done",
                "done",
                "unchanged",
            ]
            path = site["result"]["login_path"]
            entered = [agent.ask_site(site_id, path, "POST", "one-time-token").status_code for _ in range(2)]
            assert entered == [200, 401]
            assert agent.ask_site(site_id, method="POST", text="Ada").ok
            assert agent.ask_site(site_id).json() == ["Ada"]

            suspended = plane.do("suspend_site", target, agent.site_params(site_id, reason="unpaid"))
            assert suspended["status"] == "succeeded"
            assert agent.ask_site(site_id).status_code == 402
            resumed = plane.do("resume_site", target, agent.site_params(site_id))
            assert resumed["status"] == "succeeded"
            assert agent.ask_site(site_id).json() == ["Ada"]

            _archive_and_bring_back(agent, site_id, backup_id)

    def test_a_prepared_site_gets_its_tenant(self, tmp_path: Path, redis_url: str) -> None:
        with running_agent(tmp_path, redis_url) as agent:
            agent.start_worker(0)
            agent.deploy()
            site_id = str(uuid.uuid4())
            target, order = f"site:{site_id}", agent.create_params(site_id)
            spare = {"apps": order["apps"], "login": "owner", "password": order["admin"]["password"]}
            prepared = agent.plane.do("prepare_site", target, agent.site_params(site_id, **spare))
            assert prepared["status"] == "succeeded", prepared
            assert agent.ask_site(site_id).status_code == 404

            given = order | {"admin": order["admin"] | {"password": None}, "prepared": True}
            site = agent.plane.do("create_site", target, given)
            assert site["status"] == "succeeded", site
            assert site["result"]["created_from"] == "spare"
            assert [step["state"] for step in site["steps"][1:3]] == ["unchanged", "unchanged"]
            assert agent.ask_site(site_id, method="POST", text="Ada").ok


def _archive_and_bring_back(agent: RunningAgent, site_id: str, backup_id: str) -> None:
    plane, target = agent.plane, f"site:{site_id}"
    archived = plane.do("archive_site", target, agent.site_params(site_id, backup_id=backup_id))
    assert archived["status"] == "succeeded", archived
    backup = archived["result"]["backup"]
    assert backup["verified_at"] is not None
    assert agent.ask_site(site_id).status_code == 404
    assert plane.get("/v1/state", "state.read").json()["sites"] == []

    params = agent.site_params(site_id, hostname=f"{site_id}.localhost", backup=backup, state="active")
    restored = plane.do("restore_site", target, params)
    assert restored["status"] == "succeeded", restored
    assert agent.ask_site(site_id).json() == ["Ada"]
