"""Forged, swapped, replayed and confused signatures: 401 or 403, counted, nothing stored."""

import ast
import base64
import hashlib
import hmac
import inspect
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from billing_bridge.api import operator, signature
from tests.billing_bridge.api.test_signature import ISSUER, KEY, OTHER_KEY, OTHER_PUBLIC, PUBLIC, sign_jwt
from tests.billing_bridge.attack.target import Target, attacked
from tests.billing_bridge.builders import HMAC_KEY, make_body, sign
from tests.billing_bridge.servers import LagoServer, serving

RAW = make_body()
HMAC = sign(RAW)["X-Lago-Signature"]
JWT = sign_jwt(RAW)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Takes both algorithms; the key is Lago's."""
    with serving(LagoServer(public_pem=PUBLIC)) as lago_url:
        options = {
            "webhook_jwt": True,
            "webhook_jwt_issuer": ISSUER,
            "lago_api_url": lago_url,
            "lago_api_key": "k",
        }
        with attacked(tmp_path_factory.mktemp("signatures"), **options) as made:
            yield made


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign_by(header: dict[str, Any], key: Any = KEY, **claims: Any) -> str:
    """A JWT over RAW with any header, signed by any key."""
    return jwt.encode(header, {"data": RAW.decode(), "iss": ISSUER} | claims, key)


def sign_with_public_key(pem: bytes) -> str:
    """HS256 whose secret is the public key: what a careless verifier takes for Lago's own signature."""
    signed = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'data': RAW.decode(), 'iss': ISSUER})}"
    return f"{signed}.{part(hmac.digest(pem, signed.encode(), hashlib.sha256))}"


Forged = tuple[str, str, str | None]
"""A name, the algorithm that is claimed, and the signature."""


def list_wrong_hmac() -> Iterator[Forged]:
    yield "missing", "hmac", None
    yield "empty", "hmac", ""
    yield "another key", "hmac", sign(RAW, key="another")["X-Lago-Signature"]
    yield "another body", "hmac", sign(RAW + b" ")["X-Lago-Signature"]
    yield "truncated", "hmac", HMAC[:-4]
    yield (
        "one bit",
        "hmac",
        base64.b64encode(bytes([base64.b64decode(HMAC)[0] ^ 1]) + base64.b64decode(HMAC)[1:]).decode(),
    )
    yield "hexadecimal", "hmac", base64.b64decode(HMAC).hex()
    yield "no base64", "hmac", "!" * 44
    yield "not ASCII", "hmac", "\u00e9" * 44
    yield "twice", "hmac", f"{HMAC},{HMAC}"
    yield "very long", "hmac", HMAC * 1_000
    yield "the key itself", "hmac", HMAC_KEY
    yield "swapped: HMAC as JWT", "jwt", HMAC
    yield "swapped: JWT as HMAC", "hmac", JWT
    for algorithm in ("", "none", "HMAC", "hmac ,jwt", "JWT", "HS256", "RS256", "sha1"):
        yield f"algorithm {algorithm!r}", algorithm, HMAC


def list_confused_jwt() -> Iterator[Forged]:
    yield "none", "jwt", f"{part({'alg': 'none'})}.{part({'data': RAW.decode(), 'iss': ISSUER})}."
    yield "None with Lago's signature", "jwt", f"{part({'alg': 'None'})}.{JWT.split('.', 1)[1]}"
    yield "no algorithm", "jwt", f"{part({})}.{JWT.split('.', 1)[1]}"
    yield "HS256 by the public key", "jwt", sign_with_public_key(PUBLIC)
    yield "HS256 by its last line", "jwt", sign_with_public_key(PUBLIC.strip())
    yield "HS256 by the HMAC key", "jwt", sign_by({"alg": "HS256"}, OctKey.import_key(HMAC_KEY))
    yield "RS256 by a stranger", "jwt", sign_jwt(RAW, OTHER_KEY)
    yield "RS512", "jwt", f"{part({'alg': 'RS512'})}.{JWT.split('.', 1)[1]}"
    jwk = OTHER_KEY.as_dict(private=False)
    yield "its own key in jwk", "jwt", sign_by({"alg": "RS256", "jwk": jwk}, OTHER_KEY)
    yield (
        "its own key by jku",
        "jwt",
        sign_by({"alg": "RS256", "jku": "http://127.0.0.1:1/k", "kid": "1"}, OTHER_KEY),
    )
    yield (
        "its own key in x5c",
        "jwt",
        sign_by({"alg": "RS256", "x5c": [base64.b64encode(OTHER_PUBLIC).decode()]}, OTHER_KEY),
    )
    yield "a path in kid", "jwt", sign_by({"alg": "RS256", "kid": "../../../dev/null"}, OTHER_KEY)
    yield (
        "an unknown crit",
        "jwt",
        sign_by({"alg": "RS256"}, OTHER_KEY).replace(".", f"{part({'crit': ['x']})}.", 1),
    )


def list_wrong_jwt() -> Iterator[Forged]:
    yield "another issuer", "jwt", sign_jwt(RAW, iss="http://else")
    yield "another body in it", "jwt", sign_jwt(RAW + b" ")
    yield "no data", "jwt", sign_jwt(RAW, data=None)
    yield "expired", "jwt", sign_jwt(RAW, exp=int(datetime.now(UTC).timestamp()) - 3600)
    yield "not valid yet", "jwt", sign_jwt(RAW, nbf=int(datetime.now(UTC).timestamp()) + 3600)
    yield "exp is no number", "jwt", sign_jwt(RAW, exp="soon")
    yield "truncated JWT", "jwt", JWT[:-8]
    yield "two parts", "jwt", JWT.rpartition(".")[0]
    yield "four parts", "jwt", f"{JWT}.{JWT[:9]}"
    yield "encrypted form", "jwt", ".".join(["a"] * 5)
    yield "dots", "jwt", "." * 100
    yield "claims are no object", "jwt", f"{part({'alg': 'RS256'})}.{part([1])}.{JWT.rpartition('.')[2]}"
    yield "deep claims", "jwt", f"{part({'alg': 'RS256'})}.{part(b'[' * 50_000)}.{JWT.rpartition('.')[2]}"
    yield "deep header", "jwt", f"{part(b'[' * 50_000)}.{part({})}.{JWT.rpartition('.')[2]}"


FORGED = {
    name: (algorithm, value)
    for name, algorithm, value in (*list_wrong_hmac(), *list_confused_jwt(), *list_wrong_jwt())
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_signature_is_refused_and_counted(target: Target, name: str) -> None:
    algorithm, value = FORGED[name]
    headers = {"X-Lago-Unique-Key": "forged", "X-Lago-Signature-Algorithm": algorithm}
    if value is not None:
        headers["X-Lago-Signature"] = value.encode("utf-8").decode("latin-1")
    rows, counted = target.count_rows(), target.count_unproven("signature_refused")
    answer = target.post(RAW, headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_refused")
    assert HMAC_KEY not in answer.text
    assert target.count_rows() == rows
    assert target.count_unproven("signature_refused") == counted + 1


def test_both_genuine_ways_pass(target: Target) -> None:
    for headers in (sign(RAW), sign(RAW) | {"X-Lago-Signature-Algorithm": "jwt", "X-Lago-Signature": JWT}):
        assert target.post(RAW, headers).status_code == 200


def test_another_organisation_is_refused_and_counted(target: Target) -> None:
    raw = RAW.replace(b'"org-1"', b'"org-2"')
    rows, counted = target.count_rows(), target.count_unproven("organization_refused")
    for headers in (
        sign(raw),
        sign(raw) | {"X-Lago-Signature-Algorithm": "jwt", "X-Lago-Signature": sign_jwt(raw)},
    ):
        answer = target.post(raw, headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "organization_refused")
    assert target.count_rows() == rows
    assert target.count_unproven("organization_refused") == counted + 2


def test_a_replay_changes_nothing(target: Target) -> None:
    headers = sign(RAW, unique_key="replayed")
    assert target.post(RAW, headers).json()["received"] == "new"
    rows = target.count_rows()
    assert [target.post(RAW, headers).json()["received"] for _ in range(3)] == ["duplicate"] * 3
    other = make_body(payload={"external_id": "evil"})
    answer = target.post(other, sign(other, unique_key="replayed"))
    assert answer.json()["received"] == "duplicate"
    assert target.count_rows() == rows
    assert b"evil" not in read_body(target, "replayed")


def read_body(target: Target, key: str) -> bytes:
    with target.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT body FROM inbox WHERE unique_key = ?", (key,)).scalar_one()
    return bytes(found)


@pytest.mark.parametrize("module", [signature, operator])
def test_what_is_secret_is_compared_in_constant_time(module: Any) -> None:
    """By the code, not by a clock: no == and no `in` beside a name that holds what a sender must not learn."""
    secret = {"expected", "signature", "token", "given", "data", "_hmac_key", "key"}
    tree = ast.parse(inspect.getsource(module))
    compared = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and any(isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for op in node.ops)
        and secret & {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
    ]
    assert compared == []
    calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert "hmac.compare_digest" in calls
