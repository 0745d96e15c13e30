"""Every listing of the OpenAPI asks the database as often for forty rows as for two."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from press_app.access import service as access
from press_app.kit.db import Database
from press_app.work.unit_of_work import Work
from tests.bench.model import MANY, Model, fill
from tests.factories.access import bearer

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""The statements are the same on every database."""

FEW, MORE = 2, 40
FIXED = {"list_plans", "list_invariants"}
"""Listings without pages: their length is the product's own, not that of an installation."""


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements that are sent until the block ends."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    engines = (database.read_engine, database.write_engine)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield seen
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


def list_listings(document: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Name and path of each operation that answers with items, and whether it takes a limit."""
    schemas = document["components"]["schemas"]
    for path, item in document["paths"].items():
        operation = item.get("get", {})
        content = operation.get("responses", {}).get("200", {}).get("content", {})
        reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
        if "items" in schemas.get(reference.rpartition("/")[2], {}).get("properties", {}):
            names = {parameter["name"] for parameter in operation.get("parameters", [])}
            yield operation["operationId"], path, "limit" in names


@pytest.fixture
def model(work: Work) -> Model:
    return fill(work, 200)


@pytest.fixture
def session(work: Work, model: Model) -> dict[str, str]:
    """The headers of a browser whose owner has many others."""
    with work.begin(actor="test") as uow:
        issued = [
            access.open_session(
                uow, model.user_id, lifetime=timedelta(days=1), ip="127.0.0.1", user_agent="t"
            )
            for _ in range(MANY)
        ]
    return {"Cookie": f"press_session={issued[0].secret}"}


def test_no_listing_asks_once_more_for_each_row(
    client: TestClient, database: Database, model: Model, session: dict[str, str]
) -> None:
    walked = set()
    for name, path, is_paged in list_listings(client.get("/openapi.json").json()):
        if not is_paged:
            assert name in FIXED, f"{name} has no pages"
            continue
        url = path.format(site_id=model.site_id, team_id=model.team_id)
        headers = session if name == "list_sessions" else bearer(model.operator)
        client.get(url, headers=headers)  # the first use of a credential is noted
        asked = {}
        for limit in (FEW, MORE):
            with counted(database) as statements:
                answer = client.get(url, params={"limit": limit}, headers=headers)
            assert answer.status_code == 200, (name, answer.text)
            assert len(answer.json()["items"]) == limit, name
            asked[limit] = len(statements)
        assert asked[FEW] == asked[MORE], (name, asked, statements)
        walked.add(name)
    assert {"list_sites", "list_subscriptions", "list_benches", "list_servers", "list_members"} <= walked
