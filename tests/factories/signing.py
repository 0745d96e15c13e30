"""Requests signed as an agent signs them."""

import hashlib
import json
import secrets
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.jwk import OKPKey

from press_app.agents import credentials


def make_agent_token(
    key: OKPKey, server_id: str, *, operation: str, body: bytes, now: datetime, **changes: Any
) -> str:
    """A token of the agent of ``server_id`` for this body, with changed claims."""
    issued = int(now.timestamp())
    claims = {
        "iss": server_id,
        "aud": credentials.CONTROL_PLANE,
        "op": operation,
        "jti": secrets.token_hex(8),
        "nonce": secrets.token_hex(8),
        "body_sha256": hashlib.sha256(body).hexdigest(),
        "iat": issued,
        "exp": issued + 60,
        **changes,
    }
    return jwt.encode({"alg": "EdDSA"}, claims, key, registry=credentials._REGISTRY)


def sign_body(
    key: OKPKey, server_id: str, *, operation: str, body: object, now: datetime
) -> tuple[bytes, dict[str, str]]:
    """The raw body and the headers that go with it."""
    raw = json.dumps(body).encode()
    token = make_agent_token(key, server_id, operation=operation, body=raw, now=now)
    return raw, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
