"""The whole path of a backup with real processes: encrypted, in a locked bucket, read back, restored, deleted when it may be."""

import base64
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.agent.harness import RunningAgent, running_agent
from tests.agent.support import wait_until
from tests.factories.object_store import KEY, KEY_ID, ObjectStore

TOLD = "Ada owes Bob 17 francs"


@pytest.fixture
def bucket(object_store: ObjectStore) -> str:
    return object_store.make_bucket(is_lockable=True)


@pytest.fixture
def agent(tmp_path: Path, redis_url: str, object_store: ObjectStore, bucket: str) -> Iterator[RunningAgent]:
    (tmp_path / "keys").write_text(f"{KEY_ID}\n{KEY}\n")
    options: dict[str, Any] = {
        "backup_store": f"s3:{bucket}/host-1",
        "s3_endpoint": object_store.url,
        "s3_key_file": tmp_path / "keys",
        "s3_lock_days": 1,
        "s3_lock_mode": "compliance",
    }
    with running_agent(tmp_path, redis_url, **options) as agent:
        agent.start_worker(0)
        yield agent


def do(agent: RunningAgent, operation: str, site_id: str, **params: Any) -> dict[str, Any]:
    job = agent.plane.do(operation, f"site:{site_id}", agent.site_params(site_id, **params))
    assert job["status"] == "succeeded", job
    found: dict[str, Any] = job["result"]
    return found


def test_a_backup_in_a_locked_bucket(agent: RunningAgent, object_store: ObjectStore, bucket: str) -> None:
    assert agent.deploy()["status"] == "succeeded"
    site_id, key_id = str(uuid.uuid4()), str(uuid.uuid4())
    made = agent.plane.do("create_site", f"site:{site_id}", agent.create_params(site_id))
    assert made["status"] == "succeeded", made
    agent.ask_site(site_id, method="POST", text=TOLD)
    key = {"id": key_id, "secret": f"secret://backup-key/{key_id}/value"}
    agent.plane.secrets[key["secret"]] = base64.urlsafe_b64encode(os.urandom(32)).decode()

    backup = do(agent, "take_backup", site_id, backup_id=str(uuid.uuid4()), key=key)["backup"]
    assert backup["location"] == f"s3:{site_id}/{backup['id']}"
    stored = object_store.client().get_object(Bucket=bucket, Key=f"host-1/{site_id}/{backup['id']}")
    raw = stored["Body"].read()
    assert (stored["ObjectLockMode"], TOLD.encode() in raw) == ("COMPLIANCE", False)
    assert (len(raw), backup["key_id"]) == (backup["size_bytes"], key_id)

    agent.ask_site(site_id, method="POST", text="written later")
    hostname = f"{site_id}.localhost"
    do(agent, "restore_site", site_id, hostname=hostname, backup=backup, backup_key=key, state="active")
    assert agent.ask_site(site_id).json() == [TOLD]

    named = [{"id": backup["id"], "location": backup["location"]}]
    (locked,) = do(agent, "delete_backups", site_id, backups=named)["locked"]
    assert locked["id"] == backup["id"]
    assert locked["until"] is not None

    wait_until(lambda: _is_ready(agent), what=f"the store is not well: {agent.read_log()}")
    assert agent.plane.secrets[key["secret"]] not in agent.read_log()
    assert KEY not in agent.read_log()


def _is_ready(agent: RunningAgent) -> bool:
    checks: dict[str, str] = requests.get(f"{agent.plane.agent_url}/ready", timeout=10).json()["checks"]
    return checks["store"] == "ok"
