"""The promise to the customer once more, on a stack of containers that ``scripts/init.sh`` made from nothing."""

import json
import sys
from collections.abc import Iterator

import pytest

from tests.e2e.stacks import BACK_SECONDS, Running, running_stack
from tests.e2e.tenants import Tenants
from tests.factories.docker_engine import Engine, docker_engine
from tests.factories.processes import wait_until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    with docker_engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def running(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_stack(docker, tmp_path_factory.mktemp("stack")) as made:
        yield made


def test_every_promise_of_a_subscription_holds(running: Running) -> None:
    said = json.loads(running.compose.run("run", "--rm", "--no-deps", "-T", "press", "demo", "--json"))
    sys.stdout.write(json.dumps(said))
    assert said["ok"]


def test_everything_is_healthy_and_asked(running: Running) -> None:
    running.wait_healthy()


def test_no_program_is_root_and_no_secret_is_in_an_environment(running: Running) -> None:
    folder = running.stack.dir / "secrets"
    # The last word: in Redis's file a directive stands before the password.
    words = {path.read_text("utf-8").split()[-1] for path in folder.iterdir() if path.stat().st_size > 1}
    for container in running.list_containers():
        assert container["Config"]["User"].split(":")[0] not in {"", "0", "root"}
        text = json.dumps(container)
        assert not [word for word in words if word in text], container["Name"]


def test_our_api_answers_through_the_edge_and_hides_its_figures(running: Running) -> None:
    visitor = running.platform.visitor("press.localhost")
    assert visitor.look("/health") == 200
    assert visitor.look("/metrics") == 404
    assert running.platform.visitor("billing.localhost").look("/v1/inbox") == 404


def test_a_second_time_nothing_is_made_and_nothing_restarts(running: Running) -> None:
    before = {one["Id"]: one["State"]["StartedAt"] for one in running.list_containers()}
    done = running.init()
    assert done.returncode == 0, done.stderr
    assert "secrets: 0 made" in done.stderr
    assert {one["Id"]: one["State"]["StartedAt"] for one in running.list_containers()} == before


def test_what_was_stopped_is_there_when_it_is_started_again(running: Running) -> None:
    tenant = Tenants(running.platform).active()
    tenant.log_in().add_party("Sleeper")
    assert running.init("--down").returncode == 0
    assert running.list_containers() == []
    assert tenant.look() == 0
    done = running.init()
    assert done.returncode == 0, done.stderr
    tenant.wait_seen(200)
    assert len(tenant.log_in().find_parties("Sleeper")) == 1


def test_killed_programs_lose_nothing(running: Running) -> None:
    tenant = Tenants(running.platform).active()
    tenant.log_in().add_party("Survivor")
    before = running.list_containers()
    running.kill(before)
    tenant.wait_for("active", seconds=BACK_SECONDS)
    tenant.wait_seen(200)
    assert len(tenant.log_in().find_parties("Survivor")) == 1
    running.wait_healthy()


def test_a_killed_engine_brings_everything_back(running: Running) -> None:
    tenant = Tenants(running.platform).active()
    tenant.log_in().add_party("Survivor")
    before = running.list_containers()
    running.engine.kill()
    running.engine.start()
    wait_until(running.has_new_processes_after(before), seconds=BACK_SECONDS, what="new processes")
    tenant.wait_for("active", seconds=BACK_SECONDS)
    tenant.wait_seen(200)
    assert len(tenant.log_in().find_parties("Survivor")) == 1
    Tenants(running.platform).active().wait_seen(200)
    running.wait_healthy()
