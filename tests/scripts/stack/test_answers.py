"""The four questions: where answers come from, and which cannot be."""

from pathlib import Path

import pytest
from rich.console import Console

from scripts.stack.answers import read_stack
from scripts.stack.errors import StackError
from scripts.stack.settings import Stack

TRIAL = {
    "domain": "localhost",
    "email": "a@b.example",
    "dns_provider": "none",
    "object_store": "folder:/srv/backups",
}
REAL = {**TRIAL, "domain": "Example.org", "dns_provider": "hetzner"}
LAGO = "lago_url=https://lago.example"


def read(env_file: Path, flags: dict[str, str], *settings: str) -> Stack:
    return read_stack(env_file, flags, settings, Console(quiet=True))


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


class TestReadStack:
    def test_a_trial_speaks_plain_http_with_a_sandbox(self, env_file: Path) -> None:
        stack = read(env_file, TRIAL, "http_port=8000")
        assert stack.compose_file.endswith("docker-compose.dev.yml")
        assert (stack.edge_scheme, stack.edge_port, stack.public_url) == (
            "http",
            8000,
            "http://press.localhost:8000",
        )
        assert (stack.lago_url, stack.webhook_url) == (
            "http://lago-sandbox:8095",
            "http://bridge-api:8085/webhooks/lago",
        )
        assert stack.backup_dir == Path("/srv/backups")

    def test_the_real_thing_speaks_tls_with_the_providers_token(self, env_file: Path) -> None:
        stack = read(env_file, REAL, LAGO)
        assert stack.compose_file.endswith("docker-compose.prod.yml")
        assert (stack.public_url, stack.dns_token_variable) == (
            "https://press.example.org",
            "HETZNER_API_TOKEN",
        )
        assert stack.webhook_url == "https://billing.example.org/webhooks/lago"

    def test_a_lago_of_its_own_is_near(self, env_file: Path) -> None:
        stack = read(env_file, REAL, "compose_profiles=lago")
        assert (stack.lago_url, stack.webhook_url) == (
            "http://lago-api:3000",
            "http://bridge-api:8085/webhooks/lago",
        )

    def test_what_was_written_is_the_answer_of_the_next_time(self, env_file: Path) -> None:
        first = read(env_file, REAL, LAGO, "network=10.9.8", "docker_gid=104")
        env_file.write_text(first.format(), "utf-8")
        assert read(env_file, {}) == first
        assert read(env_file, {"email": "c@d.example"}).email == "c@d.example"

    def test_what_nobody_answers_is_asked_for_by_its_flag(self, env_file: Path) -> None:
        with pytest.raises(StackError, match=r"--email.*STACK_EMAIL"):
            read(env_file, {**TRIAL, "email": ""})

    @pytest.mark.parametrize(
        ("flags", "settings", "said"),
        [
            ({**TRIAL, "domain": "no domain"}, (), "is no domain"),
            ({**TRIAL, "email": "nobody"}, (), "is no e-mail address"),
            ({**TRIAL, "dns_provider": "myself"}, (), "is not among the DNS providers"),
            ({**REAL, "domain": "localhost"}, (LAGO,), "No certificate can be had for localhost"),
            ({**TRIAL, "object_store": "s3:bucket"}, (), "is no object store"),
            (REAL, (), "Where is Lago"),
            (TRIAL, ("network=300.1.1",), "private network"),
            (TRIAL, ("network=8.8.8",), "private network"),
            (TRIAL, ("http_port=many",), "http_port"),
            (TRIAL, ("nothing=1",), "no option nothing"),
        ],
    )
    def test_an_answer_that_cannot_be_is_refused(
        self, env_file: Path, flags: dict[str, str], settings: tuple[str, ...], said: str
    ) -> None:
        with pytest.raises(StackError, match=said) as refused:
            read(env_file, flags, *settings)
        assert refused.value.message.endswith("Nothing was changed.")
