"""Secrets that can be recognised are given to a real platform; then everything that it wrote is searched for them."""

import base64
import os
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis
import requests

from press_app.cli.api_client import Api
from press_app.cli.failures import CommandFailed
from press_app.cli.sites import make_login_link
from press_app.cli.watching import watch_job
from scripts.bringup.product import OPERATOR_EMAIL
from tests.e2e.platform import JSON_TIMEOUT, Platform
from tests.e2e.tenants import Tenant, Tenants

pytestmark = [pytest.mark.platform, pytest.mark.timeout(420)]

SHORTEST = 12
JOB_SECONDS = 120.0
LARGEST = 64 << 20
SKIPPED_FOLDERS = {"releases"}
"""Programs from the package registries and templates of nobody, made before any secret was given."""

MAY_HOLD: dict[str, tuple[str, str]] = {
    "secrets/*": ("*", "where the installation keeps what it made; closed to others"),
    "env/press.env": ("master-key redis-password", "how the control plane is told"),
    "env/agent.env": ("redis-password", "how the agent is told"),
    "env/bridge.env": (
        "redis-password lago-api-key lago-hmac-key bridge-press-token bridge-operator-token",
        "how the bridge is told",
    ),
    "env/lago-sandbox.env": (
        "lago-api-key lago-hmac-key",
        "the sandbox plays Lago, which knows its own keys",
    ),
    "redis/redis.conf": ("redis-password", "how Redis is told"),
    "press/agent-key.pem": ("control-plane-key", "the key itself"),
    "agent/agent.key": ("agent-key", "the key itself"),
    "process press-*": ("master-key redis-password", "its environment file"),
    "process agent-*": ("redis-password", "its environment file"),
    "process bridge-*": (
        "redis-password lago-api-key lago-hmac-key bridge-press-token bridge-operator-token",
        "its environment file",
    ),
    "process lago-sandbox": ("lago-api-key lago-hmac-key", "its environment file"),
}
"""Place → the secrets that it must hold, and why. Everywhere else none may stand."""


@dataclass(frozen=True)
class Secret:
    """One value that nobody else would write, in the spellings that it could be written in."""

    name: str
    value: str

    @property
    def spellings(self) -> set[bytes]:
        raw = self.value.encode()
        coded = base64.b64encode(raw).rstrip(b"=")
        # In the middle of a longer text only the inner part of the code is the same.
        return {raw, quote(self.value, safe="").encode(), coded[:-2], base64.b64encode(b":" + raw)[4:-4]}

    def stands_in(self, content: bytes) -> bool:
        return any(spelling in content for spelling in self.spellings)


def read_planted(platform: Platform) -> list[Secret]:
    """What the installation made for itself."""
    found = [
        Secret(path.name, path.read_text("utf-8").strip())
        for path in sorted(platform.paths.secrets.iterdir())
        if path.is_file()
    ]
    for name, place in (("control-plane-key", "press/agent-key.pem"), ("agent-key", "agent/agent.key")):
        lines = (platform.paths.state / place).read_text("utf-8").splitlines()
        found.append(Secret(name, lines[1]))
    return [secret for secret in found if len(secret.value) >= SHORTEST]


def live(platform: Platform, tenant: Tenant) -> list[Secret]:
    """A tenant's whole life; the secrets that came up in it."""
    api, site_id = platform.api, tenant.sites[0]["id"]
    link = make_login_link(api, site_id)
    password = f"canary-password-{secrets.token_hex(8)}"
    answer = api.post(f"/v1/sites/{site_id}/password", {"password": password})
    watch_job(api, answer["job_id"], seconds=JOB_SECONDS, quiet=True)
    made = api.post(f"/v1/sites/{site_id}/password", {})
    watch_job(api, made["job_id"], seconds=JOB_SECONDS, quiet=True)
    team = api.get(f"/v1/sites/{site_id}")["team_id"]
    token = api.post(f"/v1/teams/{team}/tokens", {"name": "canary", "scopes": ["sites:read"]})["token"]
    api.post(f"/v1/sites/{site_id}/backups")
    tenant.wait_for("active")
    found = [
        Secret("login-token", link["url"].partition("#")[2]),
        Secret("admin-password", password),
        Secret("made-password", made["password"]),
        Secret("team-token", token),
        Secret("session-cookie", sign_in(platform)),
    ]
    Api(platform.urls["press-api"], token).get(f"/v1/sites/{site_id}")
    api.put(f"/v1/sites/{site_id}/holds", {"kind": "operator", "message": "For the test."})
    tenant.wait_for("suspended")
    api.delete(f"/v1/sites/{site_id}/holds/operator")
    tenant.wait_for("active")
    tenant.terminate()
    tenant.wait_for("archived", seconds=180)
    return [*found, *fail(platform, site_id)]


def sign_in(platform: Platform) -> str:
    form = {"email": OPERATOR_EMAIL, "password": platform.secret("operator-password")}
    answer = requests.post(f"{platform.urls['press-api']}/v1/sessions", json=form, timeout=JSON_TIMEOUT)
    assert answer.status_code == 201, answer.text
    return answer.cookies["press_session"]


def fail(platform: Platform, site_id: str) -> list[Secret]:
    """What is refused must not be repeated or written down either. Its answers are searched at once."""
    url = platform.urls["press-api"]
    made = [
        Secret(f"refused-{name}", f"canary-{name}-{secrets.token_hex(8)}") for name in ("a", "b", "c", "d")
    ]
    wrong, guess, late, short = made
    answers = [
        requests.post(
            f"{url}/v1/sessions",
            json={"email": OPERATOR_EMAIL, "password": wrong.value},
            timeout=JSON_TIMEOUT,
        ),
        requests.get(
            f"{url}/v1/me", headers={"Authorization": f"Bearer {guess.value}"}, timeout=JSON_TIMEOUT
        ),
        requests.get(f"{url}/v1/me", cookies={"press_session": guess.value}, timeout=JSON_TIMEOUT),
        requests.post(f"{url}/v1/sessions", json={"password": [short.value]}, timeout=JSON_TIMEOUT),
        requests.get(
            f"{platform.urls['agent-api']}/v1/state",
            headers={"Authorization": f"Bearer {guess.value}"},
            timeout=JSON_TIMEOUT,
        ),
        requests.post(
            f"{platform.urls['bridge-api']}/webhooks/lago",
            json={"webhook_type": "x"},
            headers={"X-Lago-Signature": guess.value, "X-Lago-Signature-Algorithm": "hmac"},
            timeout=JSON_TIMEOUT,
        ),
    ]
    assert [answer.status_code // 100 for answer in answers] == [4] * len(answers)
    with pytest.raises(CommandFailed) as refused:
        platform.api.post(f"/v1/sites/{site_id}/password", {"password": late.value})
    for secret in made:
        assert not any(secret.stands_in(answer.content) for answer in answers)
        assert secret.value not in str(refused.value)
    return made


def list_files(platform: Platform) -> Iterator[tuple[str, bytes]]:
    """Every log, database, ledger, environment, configuration and backup of the installation."""
    state = platform.paths.state
    for folder, folders, names in os.walk(state):
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
        for name in names:
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink() and path.stat().st_size < LARGEST:
                yield str(path.relative_to(state)), path.read_bytes()


def list_processes(platform: Platform) -> Iterator[tuple[str, bytes]]:
    """Arguments and environment of all processes of this installation, by the name of their program."""
    names = {status.pid: status.name for status in platform.supervisor.list_programs()}
    mark = f"{platform.paths.state}/".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            argv = (folder / "cmdline").read_bytes()
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if folder.name != str(os.getpid()) and (mark in argv or int(folder.name) in names):
            name = names.get(int(folder.name), argv.replace(b"\0", b" ").decode(errors="replace")[-60:])
            yield f"arguments of {name}", argv
            yield f"process {name}", environment


def list_answers(platform: Platform) -> Iterator[tuple[str, bytes]]:
    """What anybody may ask for, and what an operator sees."""
    for program in ("press-api", "agent-api", "bridge-api"):
        for path in ("/metrics", "/openapi.json", "/ready", "/health"):
            answer = requests.get(platform.urls[program] + path, timeout=JSON_TIMEOUT)
            yield f"{program} {path}", answer.content
    headers = {"Authorization": f"Bearer {platform.secret('operator-token')}"}
    for path in (
        "/v1/jobs?limit=200",
        "/v1/findings?only_open=false",
        "/v1/sites?limit=200",
        "/v1/subscriptions",
    ):
        answer = requests.get(platform.urls["press-api"] + path, headers=headers, timeout=JSON_TIMEOUT)
        assert answer.ok, answer.text
        yield f"press-api {path}", answer.content


def list_redis(platform: Platform) -> Iterator[tuple[str, bytes]]:
    for file in ("press.env", "agent.env", "bridge.env"):
        prefix = {"press.env": "PRESS", "agent.env": "PRESS_AGENT", "bridge.env": "PRESS_BRIDGE"}[file]
        with redis.Redis.from_url(platform.read_env(file)[f"{prefix}_REDIS_URL"]) as client:
            for key in client.scan_iter():
                kept: Any = client.dump(key)
                yield f"redis of {file}", bytes(key) + b" " + bytes(kept or b"")


def is_allowed(place: str, secret: Secret) -> bool:
    return any(
        fnmatch(place, where) and (names == "*" or secret.name in names.split())
        for where, (names, _why) in MAY_HOLD.items()
    )


def test_no_secret_stands_where_it_need_not(
    platform: Platform, tenants: Tenants, capsys: pytest.CaptureFixture[str]
) -> None:
    tenant = tenants.active()
    searched = [*read_planted(platform), *live(platform, tenant)]
    places = 0
    seen_in: dict[str, set[str]] = {}
    wrong = set()
    has_mark: set[str] = set()
    benches = str(platform.paths.state / "agent" / "benches").encode()
    has_bench = False
    for read in (list_files, list_processes, list_answers, list_redis):
        for place, content in read(platform):
            places += 1
            has_bench |= place.startswith("arguments of ") and benches in content
            if tenant.mark.encode() in content:
                has_mark.add(place)
            for secret in searched:
                if secret.stands_in(content):
                    seen_in.setdefault(secret.name, set()).add(place)
                    wrong |= set() if is_allowed(place, secret) else {f"{secret.name} in {place}"}
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(searched)} secrets searched in {places} places: {len(wrong)} where they need not be"
        )
    assert not wrong, sorted(wrong)
    # The search sees what is there: the tenant's name is in the databases and logs, each key where it must be.
    assert {"press/press.db", "agent/ledger.sqlite", "log/press-api.log"} <= {
        place.removesuffix("-wal") for place in has_mark
    }
    assert "env/press.env" in seen_in["master-key"]
    # Programs are forked with their settings, so that other programs of the user cannot read them from /proc.
    assert "process press-api" not in seen_in["master-key"]
    assert has_bench, "no process of a bench was searched"
