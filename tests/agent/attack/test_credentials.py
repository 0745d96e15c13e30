"""Credentials that do not hold, sent to a real agent: each is refused by name, counted, and touches nothing."""

import base64
import hashlib
import hmac
import json
import re
import subprocess
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import OKPKey

from agent.credentials.tokens import _REGISTRY
from tests.agent.control_plane import SERVER_ID, ControlPlane
from tests.agent.harness import CLI, RunningAgent
from tests.agent.support import ROOT

BODY = json.dumps(
    {
        "operation": "drop_site",
        "target": "site:11111111-1111-1111-1111-111111111111",
        "params": {
            "bench_id": "22222222-2222-2222-2222-222222222222",
            "site_id": "11111111-1111-1111-1111-111111111111",
        },
        "deadline": "2099-01-01T00:00:00Z",
    }
).encode()
OTHER_KEY = OKPKey.generate_key("Ed25519")

Forge = Callable[[ControlPlane, dict[str, Any]], str]


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def make_claims(job_id: str, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "iss": "press",
        "aud": SERVER_ID,
        "op": "drop_site",
        "jti": job_id,
        "nonce": uuid.uuid4().hex,
        "body_sha256": hashlib.sha256(BODY).hexdigest(),
        "iat": now,
        "exp": now + 60,
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def signed(plane: ControlPlane, claims: dict[str, Any], key: OKPKey | None = None) -> str:
    return jwt.encode({"alg": "EdDSA"}, claims, key or plane.key, registry=_REGISTRY)


def with_header(header: dict[str, Any], secret: bytes | None) -> Forge:
    """A token whose header names another algorithm, signed with what the attacker has."""

    def forge(plane: ControlPlane, claims: dict[str, Any]) -> str:
        text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
        known = plane.key.as_pem(private=False) if secret is None else secret
        return f"{text}.{b64(hmac.digest(known, text.encode(), hashlib.sha256))}"

    return forge


def unsigned(plane: ControlPlane, claims: dict[str, Any]) -> str:
    head = b64(json.dumps({"alg": "none"}).encode())
    return f"{head}.{b64(json.dumps(claims).encode())}."


def with_own_key(plane: ControlPlane, claims: dict[str, Any]) -> str:
    """The header brings the key that it is signed with."""
    header = {"alg": "EdDSA", "jwk": OTHER_KEY.as_dict(private=False), "kid": "../../enrolment.json"}
    text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    body = signed(plane, claims, OTHER_KEY)
    return f"{text}.{body.rpartition('.')[2]}"


def changed_after(plane: ControlPlane, claims: dict[str, Any]) -> str:
    """Signed for reading, then written over."""
    head, _, mark = signed(plane, {**claims, "op": "jobs.read"}).split(".")
    return f"{head}.{b64(json.dumps(claims).encode())}.{mark}"


def doubled_claim(plane: ControlPlane, claims: dict[str, Any]) -> str:
    head, body, mark = signed(plane, claims).split(".")
    return f"{head}.{body}.{mark}.{mark}"


FORGED: dict[str, Forge] = {
    "another key": lambda plane, claims: signed(plane, claims, OTHER_KEY),
    "no algorithm": unsigned,
    "the public key as a shared secret": with_header({"alg": "HS256"}, None),
    "a guessed secret": with_header({"alg": "HS256"}, b"secret"),
    "an empty secret": with_header({"alg": "HS256"}, b""),
    "EdDSA in name only": with_header({"alg": "EdDSA"}, b"x"),
    "an unknown critical header": with_header({"alg": "EdDSA", "crit": ["x"], "x": 1}, b"x"),
    "a key of its own": with_own_key,
    "changed claims": changed_after,
    "four parts": doubled_claim,
    "the signature cut off": lambda plane, claims: signed(plane, claims).rpartition(".")[0] + ".",
    "no token at all": lambda _plane, _claims: "a.b.c",
    "too long": lambda plane, claims: signed(plane, {**claims, "pad": "x" * 5000}),
}
CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"iat": int(time.time()) - 200, "exp": int(time.time()) - 140}, "credential_expired"),
    "from the future": (
        {"iat": int(time.time()) + 3600, "exp": int(time.time()) + 3660},
        "credential_expired",
    ),
    "too long a life": ({"exp": int(time.time()) + 86_400}, "credential_expired"),
    "ends before it began": ({"exp": 1}, "credential_invalid"),
    "no end": ({"exp": None}, "credential_invalid"),
    "no beginning": ({"iat": None}, "credential_invalid"),
    "an end in words": ({"exp": "2099-01-01"}, "credential_invalid"),
    "an end beyond time": ({"iat": 2**62, "exp": 2**63}, "credential_invalid"),
    "a broken number": ({"exp": time.time() + 60.5}, "credential_invalid"),
    "another audience": ({"aud": "srv-2"}, "credential_wrong_audience"),
    "several audiences": ({"aud": [SERVER_ID, "srv-2"]}, "credential_wrong_audience"),
    "no audience": ({"aud": None}, "credential_wrong_audience"),
    "another issuer": ({"iss": "agent"}, "credential_invalid"),
    "another operation": ({"op": "state.read"}, "credential_wrong_operation"),
    "every operation": ({"op": "*"}, "credential_wrong_operation"),
    "no operation": ({"op": None}, "credential_wrong_operation"),
    "another job": ({"jti": str(uuid.uuid4())}, "credential_wrong_operation"),
    "no job": ({"jti": None}, "credential_wrong_operation"),
    "another body": ({"body_sha256": hashlib.sha256(b"").hexdigest()}, "credential_wrong_body"),
    "no body": ({"body_sha256": None}, "credential_wrong_body"),
    "the body in capitals": (
        {"body_sha256": hashlib.sha256(BODY).hexdigest().upper()},
        "credential_wrong_body",
    ),
}


def put(agent: RunningAgent, job_id: str, authorization: str | None) -> requests.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    return requests.put(f"{agent.plane.agent_url}/v1/jobs/{job_id}", data=BODY, headers=headers, timeout=30)


def count_refused(agent: RunningAgent) -> dict[str, float]:
    text = requests.get(f"{agent.plane.agent_url}/metrics", timeout=30).text
    found = re.findall(r'press_agent_credentials_refused_total\{code="(\w+)"\} ([\d.]+)', text)
    return {code: float(number) for code, number in found}


def assert_refused(agent: RunningAgent, authorization: str | None, job_id: str, code: str) -> None:
    before = count_refused(agent)
    answer = put(agent, job_id, authorization)
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    after = count_refused(agent)
    assert after[code] == before.get(code, 0) + 1
    assert sum(after.values()) == sum(before.values()) + 1
    assert agent.plane.get(f"/v1/jobs/{job_id}", "jobs.read").status_code == 404


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_credential(agent: RunningAgent, forge: Forge) -> None:
    job_id = str(uuid.uuid4())
    token = forge(agent.plane, make_claims(job_id))
    assert_refused(agent, f"Bearer {token}", job_id, "credential_invalid")


@pytest.mark.parametrize(("changes", "code"), CLAIMS.values(), ids=CLAIMS)
def test_a_good_signature_on_a_wrong_claim(agent: RunningAgent, changes: dict[str, Any], code: str) -> None:
    job_id = str(uuid.uuid4())
    token = signed(agent.plane, make_claims(job_id, **changes))
    assert_refused(agent, f"Bearer {token}", job_id, code)


@pytest.mark.parametrize("scheme", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Token x"])
def test_no_credential(agent: RunningAgent, scheme: str | None) -> None:
    assert_refused(agent, scheme, str(uuid.uuid4()), "credential_missing")


def test_a_replay_even_after_a_restart(agent: RunningAgent) -> None:
    """What was accepted is remembered on disk, and the same job sent anew is the same job."""
    job_id = str(uuid.uuid4())
    token = f"Bearer {signed(agent.plane, make_claims(job_id))}"
    first = put(agent, job_id, token)
    assert first.status_code == 202
    answer = put(agent, job_id, token)
    assert (answer.status_code, answer.json()["code"]) == (401, "credential_replayed")
    fresh = f"Bearer {signed(agent.plane, make_claims(job_id))}"
    assert put(agent, job_id, fresh).status_code == 200


def test_a_second_control_plane_gets_nothing(agent: RunningAgent) -> None:
    """Neither with its own key, nor by enrolling the host a second time."""
    before = agent.identity().find_enrolment()
    intruder = ControlPlane(url="http://127.0.0.1:9")
    enrolling = subprocess.run(
        (*CLI, "enroll"),
        input=intruder.enrolment().model_dump_json(),
        env=agent.env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert enrolling.returncode != 0
    assert "--replace" in enrolling.stderr
    assert agent.identity().find_enrolment() == before
    intruder.agent_url = agent.plane.agent_url
    answer = intruder.get("/v1/state", "state.read")
    assert (answer.status_code, answer.json()["code"]) == (401, "credential_invalid")
    assert agent.plane.get("/v1/state", "state.read").status_code == 200


def test_refusals_are_told_without_what_was_sent(agent: RunningAgent) -> None:
    marker = f"canary-{datetime.now(UTC).timestamp()}"
    answer = put(agent, str(uuid.uuid4()), f"Bearer {marker}")
    assert marker not in answer.text
    assert marker not in agent.read_log()
