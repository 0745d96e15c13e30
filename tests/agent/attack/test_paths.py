"""Path tricks in every parameter of every operation, at a real agent: refused before anything is touched."""

import copy
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from agent.operations.registry import OPERATIONS
from tests.agent.harness import RunningAgent

TRICKS = (
    "../../../../etc/passwd",
    "/etc/passwd",
    "..",
    ".",
    "a/../../b",
    "..%2f..%2fetc",
    "folder:../../etc/passwd",
    "folder:/etc/passwd",
    "folder:a/../../b",
    "file:///etc/passwd",
    "a\x00b",
    "a\nb",
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "-rf",
    "~root",
    "*",
    "\u2025/\uff0fetc",
    "",
)
FREE = {"name", "company.name", "reason", "backup.taken_at", "backup.verified_at", "config.greeting"}
"""Texts for people: any line will do, none of them ever names a file."""
DIGEST = "ab" * 32
HOME = {"country": "DE", "currency": "EUR", "language": "de", "time_zone": "Europe/Berlin"}
DEPLOYED = {
    "engine": "fake",
    "release": {"name": "fake-1", "version": "1.0.0"},
    "app_sets": [["base"]],
    "memory_bytes": 400 << 20,
}


def make_backup(backup_id: str, site_id: str) -> dict[str, Any]:
    """A receipt as this agent writes them."""
    return {
        "id": backup_id,
        "site_id": site_id,
        "engine": "fake",
        "location": f"folder:{site_id}/{backup_id}",
        "size_bytes": 1,
        "sha256": DIGEST,
        "content_sha256": DIGEST,
        "content_bytes": 1,
        "key_id": backup_id,
        "taken_at": "2026-11-23T10:00:00Z",
        "verified_at": "2026-11-23T10:00:00Z",
    }


def make_params(agent: RunningAgent, operation: str) -> dict[str, Any]:
    """Parameters that this agent would take, for each operation there is."""
    site_id, backup_id = str(uuid.uuid4()), str(uuid.uuid4())
    site = agent.site_params(site_id)
    backup = make_backup(backup_id, site_id)
    key = {"key": {"id": backup_id, "secret": f"secret://backup-key/{backup_id}/value"}}
    opening = {"backup_key": key["key"]}
    token = f"secret://login/{uuid.uuid4()}/token"
    there = {"to_bench_id": str(uuid.uuid4()), "hostname": "a.localhost", "config": {"greeting": "Hello"}}
    made: dict[str, dict[str, Any]] = {
        "deploy_bench": {"bench_id": agent.bench_id, **DEPLOYED, "locale": HOME},
        "retire_bench": {"bench_id": agent.bench_id},
        "prepare_site": {**site, "apps": ["base"], "login": "owner", "password": f"secret://spare/{site_id}"},
        "create_site": {**agent.create_params(site_id), "locale": HOME},
        "suspend_site": {**site, "reason": "billing"},
        "resume_site": site,
        "take_backup": {**site, **key, "backup_id": backup_id},
        "delete_backups": {
            **site,
            "backups": [{"id": backup_id, "location": f"folder:{site_id}/{backup_id}"}],
        },
        "archive_site": {**site, **key, **opening, "backup_id": backup_id, "backup": backup},
        "restore_site": {**site, **opening, "hostname": "a.localhost", "backup": backup, "state": "active"},
        "change_apps": {**site, **key, "apps": ["base"], "backup_id": backup_id},
        "rename_site": {**site, "hostname": "b.localhost"},
        "set_config": {**site, "config": {"greeting": "Hello"}},
        "move_site": {**site, **key, "backup_id": backup_id, **there},
        "drop_site": site,
        "set_admin_password": {**site, "login": "owner", "password": f"secret://site/{site_id}/password"},
        "create_login_link": {**site, "login": "owner", "token": token, "ttl_seconds": 60},
        "measure_usage": site,
    }
    return made[operation]


def list_texts(value: Any, keys: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, str):
        yield keys
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, inner in members:
        yield from list_texts(inner, (*keys, key))


def with_text(params: dict[str, Any], keys: tuple[Any, ...], text: str) -> dict[str, Any]:
    changed = copy.deepcopy(params)
    place: Any = changed
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = text
    return changed


def target_of(operation: str, params: dict[str, Any]) -> str:
    kind = OPERATIONS[operation].target
    return f"{kind}:{params[f'{kind}_id']}"


def list_files(folder: Path) -> dict[str, int]:
    """Every file of the host's folder but the ledger's and the logs, with its size."""
    found = {}
    for path in folder.rglob("*"):
        # The credential of each refusal is written down, and the log grows.
        if not (path.name.startswith("ledger") or path.suffix == ".log" or path.is_dir()):
            found[str(path.relative_to(folder))] = path.lstat().st_size
    return found


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_a_trick_in_any_text_of_an_operation_is_refused(agent: RunningAgent, operation: str) -> None:
    params = make_params(agent, operation)
    target = target_of(operation, params)
    before = list_files(agent.folder)
    asked = 0
    for keys in list_texts(params):
        if ".".join(map(str, keys)) in FREE:
            continue
        for trick in TRICKS:
            answer = agent.plane.put(operation, target, with_text(params, keys, trick))
            assert (answer.status_code, answer.json()["code"]) == (422, "params_invalid"), (keys, trick)
            asked += 1
    assert asked >= len(TRICKS)
    assert list_files(agent.folder) == before
    assert agent.plane.get("/v1/state", "state.read").json()["open_jobs"] == []


@pytest.mark.parametrize("trick", TRICKS)
def test_a_trick_in_the_target(agent: RunningAgent, trick: str) -> None:
    params = make_params(agent, "drop_site")
    for target in (trick, f"site:{trick}", f"bench:{trick}"):
        answer = agent.plane.put("drop_site", target, params)
        assert (answer.status_code, answer.json()["code"]) == (422, "params_invalid")


@pytest.mark.parametrize("trick", ["../jobs", "..%2f..%2fmetrics", "%2e%2e", "a%00b", "A" * 36, "x" * 5000])
def test_a_trick_in_the_id_of_a_job(agent: RunningAgent, trick: str) -> None:
    for method in ("GET", "PUT"):
        answer = requests.request(method, f"{agent.plane.agent_url}/v1/jobs/{trick}", data=b"{}", timeout=30)
        assert answer.status_code in {401, 404, 405, 422}, answer.text


def test_a_location_that_leads_out_by_a_link_gives_nothing_away(agent: RunningAgent, tmp_path: Path) -> None:
    """Somebody who can write into the store puts a link there; a restore must not read through it."""
    secret = tmp_path / "secret"
    secret.write_text("not a backup")
    params = make_params(agent, "restore_site")
    site_id, backup_id = params["site_id"], params["backup"]["id"]
    stored = agent.folder / "backups" / site_id / backup_id
    stored.parent.mkdir(parents=True)
    stored.symlink_to(secret)
    job = agent.plane.do("restore_site", f"site:{site_id}", params)
    assert job["status"] == "failed"
    assert job["error"]["code"] == "backup_location_invalid"
    assert "not a backup" not in json.dumps(job)
    assert secret.read_text() == "not a backup"


BODIES = {
    "empty": b"",
    "open": b"{",
    "a list": b"[]",
    "null": b"null",
    "no utf-8": b"\xff\xfe{}",
    "half a character": b'{"operation": "drop_site", "target": "\\ud800"}',
    "deep": b"[" * 50_000,
    "deep params": b'{"operation":"drop_site","target":"x","deadline":"2099-01-01T00:00:00Z","params":'
    + b'{"a":' * 5000,
    "a huge number": b'{"operation": ' + b"9" * 5000 + b"}",
    "not a number": b'{"operation": NaN}',
    "doubled": b'{"operation": "drop_site", "operation": "create_site"}',
    "one byte too many": b" " * (256 * 1024 + 1),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_is_none(agent: RunningAgent, body: bytes) -> None:
    answer = agent.plane.ask("PUT", f"/v1/jobs/{uuid.uuid4()}", "drop_site", body)
    assert answer.status_code in {400, 413, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert requests.get(f"{agent.plane.agent_url}/health", timeout=30).ok
