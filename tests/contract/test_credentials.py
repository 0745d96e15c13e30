"""What one side signs the other one believes, once, and for nothing else (docs/contracts/agent.md)."""

from datetime import UTC, datetime

import pytest
from joserfc.jwk import OKPKey

from agent.credentials import tokens
from agent.credentials.errors import CredentialRefused, CredentialReplayed
from press_app.agents import credentials

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SERVER = "01a20ac1-bcf1-7a34-a39a-e2fe0bff9f9f"
JOB = "01a20ac7-3bba-73f4-9f21-9490d5515272"


class Memory:
    """Remembers credentials as the ledger does."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def remember_credential(self, token_hash: str, expires_at: datetime) -> bool:
        is_new = token_hash not in self.seen
        self.seen.add(token_hash)
        return is_new


@pytest.fixture
def key() -> OKPKey:
    return OKPKey.generate_key("Ed25519")


@pytest.fixture
def verifier() -> tokens.Verifier:
    return tokens.Verifier(Memory(), lambda: NOW, lambda code: None)


def claim(body: bytes = b"{}", operation: str = "create_site", job_id: str | None = JOB) -> tokens.Claim:
    return tokens.Claim(issuer="press", audience=SERVER, operation=operation, body=body, job_id=job_id)


def sign(key: OKPKey, body: bytes = b"{}") -> str:
    token = credentials.sign(key, audience=SERVER, operation="create_site", token_id=JOB, body=body, now=NOW)
    return f"Bearer {token}"


def test_the_agent_believes_the_control_plane_once(key: OKPKey, verifier: tokens.Verifier) -> None:
    header = sign(key)
    verifier.verify(header, key, claim())
    with pytest.raises(CredentialReplayed):
        verifier.verify(header, key, claim())


@pytest.mark.parametrize(
    "other",
    [claim(b"{ }"), claim(operation="drop_site"), claim(job_id=SERVER)],
    ids=["body", "operation", "job"],
)
def test_the_agent_believes_it_for_nothing_else(
    key: OKPKey, verifier: tokens.Verifier, other: tokens.Claim
) -> None:
    with pytest.raises(CredentialRefused):
        verifier.verify(sign(key), key, other)


def test_the_control_plane_believes_the_agent(key: OKPKey) -> None:
    body = b'{"events": []}'
    token = tokens.sign(
        key, tokens.Claim(issuer=SERVER, audience="press", operation="events.push", body=body), NOW
    )
    keys = {SERVER: key}
    accepted = credentials.verify(token, key_of=keys.get, operation="events.push", body=body, now=NOW)
    assert accepted.claims["iss"] == SERVER
