"""A real MariaDB for the tests of what is done to databases; a real bench where a Frappe is named."""

from collections.abc import Iterator

import pytest

from agent.engines.frappe.databases import Databases
from agent.host.mariadb import MariaDB
from agent.host.mariadb_server import MariaDBMissing, MariaDBServer
from tests.agent.engines.frappe.deployed import Deployed, deployed
from tests.factories.frappe_app import notes_app


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    """A server of our own, made as a host makes it."""
    own = MariaDBServer(tmp_path_factory.mktemp("mariadb"))
    try:
        with own.serving():
            yield MariaDB(own.socket, "press", own.password_file)
    except MariaDBMissing as error:
        pytest.skip(str(error))


@pytest.fixture
def databases(server: MariaDB) -> Databases:
    return Databases(server)


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A deployed bench; tests bring their own sites."""
    with deployed(tmp_path_factory.mktemp("agent"), notes_app("first")) as ready:
        yield ready
