"""The files of ``compose/``, read by the real compose: every combination is whole, and keeps what it promises."""

import json
import re
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from agent.config import Settings as AgentSettings
from agent.host.mariadb_server import SLOW, TUNED
from billing_bridge.config import Settings as BridgeSettings
from billing_bridge.sandbox.config import Settings as SandboxSettings
from press_app.config import Settings as PressSettings
from scripts.stack.compose import FOLDER, environment_for, find_compose
from scripts.stack.images import IMAGES as IMAGES_FOLDER
from scripts.stack.secrets import MADE
from scripts.stack.settings import Stack, name_variable

PROFILES = ("", "tools", "lago", "keycloak", "monitoring", "*")
ANSWERS = {
    "dev": {"domain": "localhost", "dns_provider": "none"},
    "prod": {"domain": "example.org", "dns_provider": "hetzner", "lago_url": "https://lago.example"},
}
ANSWERS |= {f"{kind}-frappe": {**answers, "engine": "frappe"} for kind, answers in ANSWERS.items()}
IMAGES = ("control_plane", "agent", "billing_bridge", "edge", "mariadb", "redis")
OURS = "press/"
ONCE = {"press", "press-migrate", "bridge-migrate", "edge-routes"}
SOCKET = "/var/run/docker.sock"
VARIABLE = re.compile(r"\$\{([A-Z_]+)")
OPTIONS: dict[str, type[BaseSettings]] = {
    "PRESS_AGENT_": AgentSettings,
    "PRESS_BRIDGE_": BridgeSettings,
    "PRESS_SANDBOX_": SandboxSettings,
    "PRESS_": PressSettings,
}
FOR_THE_COMMAND_LINE = {
    "PRESS_API_URL",
    "PRESS_TOKEN_FILE",
    "PRESS_STATE_DIR",
    "PRESS_DEMO_EDGE_URL",
    "PRESS_DEMO_LAGO_URL",
}


def make_stack(kind: str, folder: Path) -> Stack:
    images: dict[str, Any] = {f"image_{name}": f"{OURS}{name}:0" for name in IMAGES}
    answers: dict[str, Any] = {
        **ANSWERS[kind],
        **images,
        "dir": folder,
        "object_store": f"folder:{folder}/backups",
    }
    return Stack(_env_file=None, email="a@example.org", **answers).derive()


def read_config(kind: str, profile: str, folder: Path) -> dict[str, Any]:
    """What compose makes of the files. Fails with what it said."""
    words = find_compose()
    assert words is not None, "no docker compose: it stands in requirements/dev.txt"
    stack = make_stack(kind, folder)
    env_file = folder / ".env"
    env_file.write_text(stack.format(), "utf-8")
    files = [word for name in stack.compose_file.split(":") for word in ("--file", str(FOLDER / name))]
    chosen = ["--profile", profile] if profile else []
    done = subprocess.run(
        [*words, "--env-file", str(env_file), *files, *chosen, "config", "--format", "json"],
        env=environment_for(stack),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(params=tuple(ANSWERS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def config(kind: str, tmp_path: Path) -> dict[str, Any]:
    return read_config(kind, "*", tmp_path)


@pytest.fixture
def ours(config: dict[str, Any]) -> dict[str, Any]:
    """Services of our own images."""
    return {name: one for name, one in config["services"].items() if one["image"].startswith(OURS)}


class TestConfig:
    @pytest.mark.parametrize(("kind", "profile"), list(product(ANSWERS, PROFILES)))
    def test_every_profile_with_every_override_is_valid(
        self, kind: str, profile: str, tmp_path: Path
    ) -> None:
        services = read_config(kind, profile, tmp_path)["services"]
        assert {
            "press-api",
            "press-worker",
            "edge",
            "agent-api",
            "bridge-api",
            "mariadb",
            "redis",
        } <= services.keys()
        assert ("lago-sandbox" in services) == kind.startswith("dev")
        assert ("tenants-mariadb" in services) == kind.endswith("frappe")
        assert ("lago-api" in services) == (profile in {"lago", "*"})

    def test_each_service_is_limited_logged_and_pinned(self, config: dict[str, Any]) -> None:
        for name, service in config["services"].items():
            assert service["mem_limit"], name
            assert service["logging"]["options"]["max-size"], name
            assert service["restart"], name
            tag = service["image"].rpartition(":")[2]
            assert any(map(str.isdigit, tag)), f"{name}: {service['image']}"

    def test_ours_have_no_rights_and_a_root_that_is_read_only(self, ours: dict[str, Any]) -> None:
        for name, service in ours.items():
            assert service["read_only"], name
            assert service["cap_drop"] == ["ALL"], name
            assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "edge" else []), name
            assert ("no-new-privileges:true" in service.get("security_opt", [])) == (name != "edge"), name

    def test_nothing_is_published_and_only_the_agent_has_the_engine(self, config: dict[str, Any]) -> None:
        with_socket = set()
        for name, service in config["services"].items():
            assert "ports" not in service, name
            if any(volume.get("target") == SOCKET for volume in service.get("volumes", [])):
                with_socket.add(name)
        assert with_socket == {"agent-api", "agent-worker-0", "agent-worker-1", "agent-benches"}

    def test_the_agents_folder_is_at_the_same_path_inside(self, ours: dict[str, Any], tmp_path: Path) -> None:
        volumes = {one["source"]: one["target"] for one in ours["agent-worker-0"]["volumes"]}
        for folder in (f"{tmp_path}/agent", f"{tmp_path}/backups"):
            assert volumes[folder] == folder

    def test_no_program_starts_before_its_databases_are_ready(self, ours: dict[str, Any]) -> None:
        def conditions(name: str) -> dict[str, str]:
            return {other: how["condition"] for other, how in ours[name].get("depends_on", {}).items()}

        migrated, healthy = "service_completed_successfully", "service_healthy"
        for program in ("press", "bridge"):
            assert conditions(f"{program}-migrate")["mariadb"] == healthy
            for name in (f"{program}-api", f"{program}-worker"):
                assert conditions(name) == {f"{program}-migrate": migrated, "redis": healthy}
        for name in (name for name in ours if name.startswith("agent-")):
            database = {"tenants-mariadb": healthy} if "tenants-mariadb" in ours else {}
            assert conditions(name) == {"redis": healthy, **database}
        assert conditions("edge")["edge-routes"] == migrated

    def test_each_program_is_asked_for_its_health(self, ours: dict[str, Any]) -> None:
        by_its_image = {"mariadb", "redis", "press-api", "bridge-api", "edge"}
        for name in ours.keys() - ONCE - by_its_image:
            assert ours[name]["healthcheck"]["test"], name

    def test_the_storage_network_has_no_way_out(self, config: dict[str, Any]) -> None:
        assert config["networks"]["storage"]["internal"]
        assert config["services"]["mariadb"]["networks"].keys() == {"storage"}
        assert config["services"]["redis"]["networks"].keys() == {"storage"}


class TestFrappe:
    @pytest.fixture(params=("dev-frappe", "prod-frappe"))
    def kind(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    def test_every_agent_has_the_socket_at_the_hosts_path(self, ours: dict[str, Any], tmp_path: Path) -> None:
        place = f"{tmp_path}/tenants"
        for name in (name for name in ours if name.startswith("agent-")):
            volumes = {one["target"]: one for one in ours[name]["volumes"]}
            assert volumes[place]["source"] == place, name
            assert volumes[place]["read_only"], name
            assert f"{tmp_path}/agent" in volumes, name
            options = ours[name]["environment"]
            assert options["PRESS_AGENT_ENGINES"] == "frappe,tryton"
            assert options["PRESS_AGENT_MARIADB_SOCKET"] == f"{place}/socket"
            assert {"agent_mariadb_password", "press_agent_redis_url"} <= {
                one["source"] for one in ours[name]["secrets"]
            }

    def test_the_tenants_server_is_alone(self, ours: dict[str, Any]) -> None:
        server = ours["tenants-mariadb"]
        assert server["network_mode"] == "none"
        assert server["user"] == "10007:10007"
        assert [one["source"] for one in server["secrets"]] == ["tenants_mariadb_password"]

    def test_each_connection_may_have_its_thread(self, ours: dict[str, Any]) -> None:
        [connections] = [option for option in TUNED if option.startswith("max-connections=")]
        assert ours["tenants-mariadb"]["pids_limit"] > int(connections.partition("=")[2])

    def test_its_figures_are_those_of_a_host_without_containers(self) -> None:
        lines = (IMAGES_FOLDER / "mariadb" / "tenants.cnf").read_text("utf-8").splitlines()
        slow = {option.removeprefix("--") for option in SLOW}
        assert {*TUNED} | slow <= {line.replace(" = ", "=") for line in lines}


class TestSecrets:
    def test_no_environment_holds_one(self, config: dict[str, Any]) -> None:
        word = re.compile(r"PASSWORD|SECRET|TOKEN|MASTER_KEY|API_KEY|HMAC", re.IGNORECASE)
        for name, service in config["services"].items():
            for variable, value in service.get("environment", {}).items():
                is_file = variable.endswith("_FILE") or str(value).startswith("/run/")
                assert is_file or not word.search(variable), f"{name}: {variable}"

    def test_each_is_a_file_of_the_stack(self, config: dict[str, Any], tmp_path: Path) -> None:
        for name, secret in config["secrets"].items():
            assert secret["file"] == f"{tmp_path}/secrets/{name}"

    def test_what_is_made_is_read_by_somebody(self, tmp_path: Path) -> None:
        used = {name for kind in ANSWERS for name in read_config(kind, "*", tmp_path)["secrets"]}
        assert MADE.keys() - used == {"operator-password"}

    def test_without_frappe_nobody_has_those_of_its_server(self, tmp_path: Path) -> None:
        for kind in ("dev", "prod"):
            assert not {name for name in read_config(kind, "*", tmp_path)["secrets"] if "tenants" in name}


class TestOptions:
    def test_every_variable_of_the_files_is_an_option_of_the_stack(self) -> None:
        texts = [path.read_text("utf-8") for path in FOLDER.glob("docker-compose*.yml")]
        used = {name for text in texts for name in VARIABLE.findall(text)}
        assert used <= {name_variable(Stack, field) for field in Stack.model_fields}

    def test_every_variable_of_a_program_is_an_option_of_its_settings(self, ours: dict[str, Any]) -> None:
        for name, service in ours.items():
            for variable in service.get("environment", {}).keys() - FOR_THE_COMMAND_LINE:
                prefix = next(
                    (p for p in OPTIONS if variable.startswith(p) and variable != "PRESS_AGENT_KEY_FILE"),
                    "PRESS_",
                )
                if variable.startswith("PRESS_"):
                    assert variable.removeprefix(prefix).lower() in OPTIONS[prefix].model_fields, (
                        f"{name}: {variable}"
                    )

    def test_every_secret_of_a_program_is_an_option_of_its_settings(self, config: dict[str, Any]) -> None:
        for name in config["secrets"]:
            prefix = next((p for p in OPTIONS if name.startswith(p.lower())), "")
            if prefix and name != "lago-api-key":
                assert name.removeprefix(prefix.lower()) in OPTIONS[prefix].model_fields, name


class TestMonitoring:
    def test_its_files_are_yaml(self) -> None:
        for path in (FOLDER / "monitoring").glob("*.yml"):
            assert yaml.safe_load(path.read_text("utf-8")), path
