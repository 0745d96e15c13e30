"""The HTTP edge does not depend on the kind of database: SQLite is enough here."""

from pathlib import Path

import pytest

from tests.billing_bridge.conftest import make_sqlite


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return make_sqlite(tmp_path)
