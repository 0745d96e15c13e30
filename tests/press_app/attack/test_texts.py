"""Hostile texts in every field there is: refused, or kept and given back as they were; nothing breaks, nothing is run."""

import copy
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from press_app.config import Settings
from press_app.sites.rules import RESERVED_NAMES
from tests.factories.barrage import FACTOR
from tests.factories.bodies import make_body
from tests.factories.hostile import HOSTILE
from tests.press_app.driver import Driver
from tests.press_app.scene import AGENTS, STREAM, Headers, Scene, add_members, make_scene

only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ENOUGH = 10**9
SKIP = frozenset({*AGENTS, STREAM, "sign_in"})
"""Their texts are covered by tests of their own."""
HEADERS = ("Idempotency-Key", "X-Correlation-ID", "User-Agent", "Origin", "Cookie", "Accept-Language")
MAX_IN_ADDRESS = 8000
"""No server takes a longer line."""
EVERY = max(1, 4 // FACTOR)
"""Each field gets each fourth text, beginning with another one; all of them in a deeper run."""
LABEL = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Limits are another test's matter."""
    return settings.model_copy(
        update={"requests_per_minute": ENOUGH, "anonymous_requests_per_minute": ENOUGH}
    )


@pytest.fixture
def scene(client: TestClient, driver: Driver) -> Scene:
    made = make_scene(client, driver)
    add_members(made)
    return made


@dataclass(frozen=True)
class Field:
    """One text that an operation takes in its body, its address or its query."""

    operation: str
    method: str
    path: str
    place: str
    """``body``, ``path`` or ``query``."""
    keys: tuple[str | int, ...]
    body: Any

    def with_text(self, text: str, ids: dict[str, str]) -> tuple[str, Any]:
        """The address and the body that carry it."""
        body = copy.deepcopy(self.body)
        if isinstance(body, dict):
            body = {name: ids.get(name, value) for name, value in body.items()}
        values = dict(ids)
        query = ""
        if self.place == "path":
            values[str(self.keys[0])] = text
        elif self.place == "query":
            query = f"?{self.keys[0]}={quote(text, safe='')}"
        else:
            put(body, self.keys, text)
        path = self.path.format(**{name: quote(value, safe="") for name, value in values.items()})
        return path + query, body


def put(body: Any, keys: tuple[str | int, ...], text: str) -> None:
    *above, last = keys
    for key in above:
        body = body[key]
    body[last] = text


def list_fields(document: dict[str, Any]) -> Iterator[Field]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if operation["operationId"] in SKIP:
                continue
            body = make_body(document, operation)
            schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            fill_in(document, schema.get("schema", {}), body)
            common = (operation["operationId"], method, path)
            for parameter in operation.get("parameters", []):
                if parameter["in"] in {"path", "query"}:
                    yield Field(*common, parameter["in"], (parameter["name"],), body)
            for keys in list_texts(body):
                yield Field(*common, "body", keys, body)


def fill_in(document: dict[str, Any], schema: dict[str, Any], body: Any) -> None:
    """Members that may be left out are attacked as well."""
    name = schema.get("$ref", "").rpartition("/")[2]
    for member, inner in document["components"]["schemas"].get(name, {}).get("properties", {}).items():
        if member not in body:
            made = make_body(document, {"requestBody": as_body(inner)})
            if made is not None:
                body[member] = made
        kinds = [inner, *inner.get("anyOf", [])]
        for kind in kinds:
            if isinstance(body.get(member), dict):
                fill_in(document, kind, body[member])


def as_body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def list_texts(value: Any, keys: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, str):
        yield keys
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, inner in members:
        yield from list_texts(inner, (*keys, key))


def send(scene: Scene, method: str, url: str, body: Any, headers: Headers) -> Response:
    scene.client.cookies.clear()
    answer: Response = scene.client.request(method, url, json=body, headers=headers)
    return answer


@only_sqlite
@pytest.mark.timeout(300)
def test_no_text_breaks_any_field(
    scene: Scene, capsys: pytest.CaptureFixture[str], log_lines: io.StringIO
) -> None:
    operator = scene.callers["platform token operator"]
    document = scene.client.get("/openapi.json").json()
    fields = list(list_fields(document))
    statuses: Counter[int] = Counter()
    for turn, field in enumerate(fields):
        answers = document["paths"][field.path][field.method]["responses"]
        for name, text in islice(HOSTILE.items(), turn % EVERY, None, EVERY):
            if field.place != "body" and len(text) > MAX_IN_ADDRESS:
                continue
            url, body = field.with_text(text, scene.ids)
            answer = send(scene, field.method, url, body, operator)
            statuses[answer.status_code] += 1
            assert answer.status_code < 500, (field.operation, field.keys, name, answer.text)
            # An address that means another one is answered by that other one.
            is_same = field.place != "path" or (text.isprintable() and text.strip("./ ") == text != "")
            assert not is_same or str(answer.status_code) in answers, (field, name, answer.status_code)
            assert_is_safe(answer)
    assert_logs_are_whole(log_lines)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{statuses.total()} texts in {len(fields)} fields: 0 server errors, {dict(sorted(statuses.items()))}"
        )
    assert len(fields) > 70
    assert min(statuses[200] + statuses[201], statuses[422]) > 50, "one of both never happened"


def assert_is_safe(answer: Response) -> None:
    """Nobody's browser runs it, nobody's header is made by it."""
    assert "press_session" not in answer.headers.get("set-cookie", "")
    if answer.content:
        assert answer.headers["content-type"].startswith(("application/json", "application/problem+json"))
    assert answer.headers["x-content-type-options"] == "nosniff"


def assert_logs_are_whole(log_lines: io.StringIO) -> None:
    """A line of the log is one JSON object, whatever a caller sent."""
    for line in log_lines.getvalue().split("\n")[:-1]:
        assert json.loads(line)["event"] != "forged"
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", line), line


@only_sqlite
def test_no_text_breaks_any_header(scene: Scene, log_lines: io.StringIO) -> None:
    url = f"/v1/teams/{scene.ids['team_id']}/tokens"
    operator = scene.callers["platform token operator"]
    seen: Counter[int] = Counter()
    for header in HEADERS:
        for name, text in HOSTILE.items():
            if "\r" in text or "\n" in text or "\x00" in text or len(text) > MAX_IN_ADDRESS:
                continue  # No HTTP server hands these on; the real one is asked in another test.
            headers = {**operator, header: text.encode().decode("latin-1")}
            scene.client.cookies.clear()
            answer = scene.client.request(
                "POST",
                url,
                json={"name": "x", "scopes": ["sites:read"]},
                headers=[(key.encode(), value.encode("latin-1")) for key, value in headers.items()],
            )
            seen[answer.status_code] += 1
            assert answer.status_code in {201, 409, 422}, (header, name, answer.text)
            assert_is_safe(answer)
    assert_logs_are_whole(log_lines)
    assert seen[201] > 100
    assert seen[422] > 10


KEPT = {
    "team": ("patch", "/v1/teams/{team_id}", ("name",), "/v1/teams/{team_id}", ("name",)),
    "plan": ("patch", "/v1/plans/{code}", ("name",), "/v1/plans/{code}", ("name",)),
    "hold": (
        "put",
        "/v1/sites/{site_id}/holds",
        ("message",),
        "/v1/sites/{site_id}",
        ("holds", 0, "message"),
    ),
}


@pytest.mark.parametrize("what", KEPT)
def test_what_is_taken_comes_back_as_it_was(scene: Scene, what: str) -> None:
    method, path, keys, read_path, read_keys = KEPT[what]
    operator = scene.callers["platform token operator"]
    kept = 0
    for name, text in HOSTILE.items():
        body: dict[str, Any] = {}
        put(body, keys, text)
        answer = send(scene, method, path.format(**scene.ids), body, operator)
        assert answer.status_code in {200, 422}, (name, answer.text)
        if answer.status_code == 200:
            value: Any = send(scene, "get", read_path.format(**scene.ids), None, operator).json()
            for key in read_keys:
                value = value[key]
            assert value in {text, text.strip()}, name
            kept += 1
    assert kept > 20


@only_sqlite
def test_a_site_is_named_by_a_label_or_not_at_all(scene: Scene) -> None:
    operator = scene.callers["platform token operator"]
    taken = []
    for name in [*HOSTILE.values(), *RESERVED_NAMES]:
        body = {
            "team_id": scene.ids["team_id"],
            "name": name,
            "company": "Acme",
            "admin_email": "a@b.example",
        }
        answer = send(scene, "post", "/v1/sites", body, operator)
        assert answer.status_code in {201, 422}, (name, answer.text)
        if answer.status_code == 201:
            taken.append(name)
    assert all(LABEL.fullmatch(name) and name not in RESERVED_NAMES for name in taken)
    assert {site.hostname for site in scene.driver.list_sites()} >= {f"{name}.localhost" for name in taken}


NAMED = [
    ("/v1/sites/{site_id}", "site_id"),
    ("/v1/sites/{site_id}/timeline", "site_id"),
    ("/v1/sites/{site_id}/backups", "site_id"),
    ("/v1/teams/{team_id}", "team_id"),
    ("/v1/teams/{team_id}/members", "team_id"),
    ("/v1/jobs/{job_id}", "job_id"),
    ("/v1/servers/{server_id}", "server_id"),
    ("/v1/benches/{bench_id}", "bench_id"),
    ("/v1/plans/{code}", "code"),
    ("/v1/subscriptions/{external_id}", "external_id"),
]


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[path for path, _ in NAMED])
def test_an_id_in_another_spelling_is_another_id(scene: Scene, path: str, name: str) -> None:
    """MariaDB's own order of texts takes capitals, accents and blanks at the end for the same."""
    operator = scene.callers["platform token operator"]
    assert send(scene, "get", path.format(**scene.ids), None, operator).status_code == 200
    right = scene.ids[name]
    spellings = {
        right.upper(),
        right + " ",
        right + "\u0301",
        right.replace("a", "á").replace("0", "⁰"),
        right + "\x00",
    }
    for spelling in spellings - {right}:
        url = path.format(**{**scene.ids, name: quote(spelling, safe="")})
        answer = send(scene, "get", url, None, operator)
        assert answer.status_code in {404, 422}, (spelling, answer.text)
