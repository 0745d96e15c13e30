"""Servers: adding, enrolling, retiring, and believing their agents once."""

import json

import pytest
from joserfc.jwk import OKPKey, RSAKey
from sqlalchemy import func, select

from press_app.agents.credentials import CredentialRefused
from press_app.benches import service as benches
from press_app.benches.errors import ServerNotEmpty
from press_app.benches.lifecycle import BenchEvent
from press_app.kit.lifecycle import IllegalMove
from press_app.servers import rules
from press_app.servers import service as servers
from press_app.servers.errors import KeyInvalid, NoServer, ServerNameTaken, ServerUnknown
from press_app.servers.lifecycle import ServerEvent, ServerStatus
from press_app.servers.model import SeenCredential, Server
from press_app.servers.rules import Candidate
from tests.factories.servers import make_key, make_server
from tests.factories.signing import make_agent_token
from tests.factories.threads import run_at_once
from tests.press_app.driver import Driver

BODY = json.dumps({"events": []}).encode()


def make_token(driver: Driver, key: OKPKey, server_id: str) -> str:
    now = driver.clock.now()
    return make_agent_token(key, server_id, operation="events.push", body=BODY, now=now)


def authenticate(driver: Driver, token: str | None) -> Server:
    with driver.work.begin(actor="agent") as uow:
        return servers.authenticate_agent(
            uow, None if token is None else f"Bearer {token}", operation="events.push", body=BODY
        )


class TestAdd:
    def test_a_name_is_used_once(self, driver: Driver) -> None:
        with driver.work.begin(actor="operator") as uow:
            assert servers.add_server(uow, name="host-x").status is ServerStatus.PENDING
        with pytest.raises(ServerNameTaken), driver.work.begin(actor="operator") as uow:
            servers.add_server(uow, name="host-x")

    def test_an_unknown_server_is_unknown(self, driver: Driver) -> None:
        with pytest.raises(ServerUnknown), driver.work.begin(actor="operator") as uow:
            servers.get_server(uow.session, "nowhere")


class TestEnroll:
    @pytest.mark.parametrize(
        "key",
        [
            "",
            "no key",
            make_key().as_pem(private=True).decode(),
            RSAKey.generate_key(2048).as_pem(private=False).decode(),
            OKPKey.generate_key("X25519").as_pem(private=False).decode(),
        ],
        ids=["empty", "text", "private", "rsa", "x25519"],
    )
    def test_takes_only_public_ed25519_keys(self, driver: Driver, key: str) -> None:
        with pytest.raises(KeyInvalid), driver.work.begin(actor="operator") as uow:
            servers.enroll(uow, driver.server_id, url="http://127.0.0.1:1", agent_key=key)
        with driver.work.read() as session:
            assert servers.get_server(session, driver.server_id).url == "http://127.0.0.1:9000"

    def test_a_new_key_replaces_the_old_one_at_once(self, driver: Driver) -> None:
        old, new = make_key(), make_key()
        with driver.work.begin(actor="operator") as uow:
            server_id = make_server(uow, key=old).id
        assert authenticate(driver, make_token(driver, old, server_id)).id == server_id
        with driver.work.begin(actor="operator") as uow:
            public = new.as_pem(private=False).decode()
            servers.enroll(uow, server_id, url="http://127.0.0.1:2", agent_key=public)
        driver.clock.advance(seconds=1)
        with pytest.raises(CredentialRefused):
            authenticate(driver, make_token(driver, old, server_id))
        assert authenticate(driver, make_token(driver, new, server_id)).url == "http://127.0.0.1:2"


class TestAuthenticateAgent:
    @pytest.fixture
    def key(self, driver: Driver) -> OKPKey:
        key = make_key()
        with driver.work.begin(actor="operator") as uow:
            self.server_id = make_server(uow, key=key).id
        return key

    def test_believes_a_token_once(self, driver: Driver, key: OKPKey) -> None:
        token = make_token(driver, key, self.server_id)
        assert authenticate(driver, token).id == self.server_id
        with pytest.raises(CredentialRefused) as refused:
            authenticate(driver, token)
        assert refused.value.code == "credential_replayed"

    def test_of_many_at_once_one_is_believed(self, driver: Driver, key: OKPKey) -> None:
        token = make_token(driver, key, self.server_id)
        failed = run_at_once(6, lambda: authenticate(driver, token))
        assert [error.code for error in failed] == ["credential_replayed"] * 5

    def test_needs_a_token(self, driver: Driver, key: OKPKey) -> None:
        with pytest.raises(CredentialRefused) as refused:
            authenticate(driver, None)
        assert refused.value.code == "credential_missing"

    def test_believes_no_server_in_the_name_of_another(self, driver: Driver, key: OKPKey) -> None:
        with pytest.raises(CredentialRefused) as refused:
            authenticate(driver, make_token(driver, key, driver.server_id))
        assert refused.value.code == "credential_invalid"

    def test_believes_no_retired_server(self, driver: Driver, key: OKPKey) -> None:
        with driver.work.begin(actor="operator") as uow:
            servers.move(uow, self.server_id, ServerEvent.DRAIN)
        assert authenticate(driver, make_token(driver, key, self.server_id)), "it still has work"
        with driver.work.begin(actor="operator") as uow:
            servers.move(uow, self.server_id, ServerEvent.RETIRE)
        driver.clock.advance(seconds=1)
        with pytest.raises(CredentialRefused):
            authenticate(driver, make_token(driver, key, self.server_id))

    def test_forgets_tokens_only_when_they_are_of_no_use(self, driver: Driver, key: OKPKey) -> None:
        token = make_token(driver, key, self.server_id)
        authenticate(driver, token)
        for seconds, kept in ((64, 1), (120, 0)):
            driver.clock.advance(seconds=seconds)
            driver.call("job.forget")
            with driver.work.read() as session:
                assert session.scalar(select(func.count()).select_from(SeenCredential)) == kept
        with pytest.raises(CredentialRefused):
            authenticate(driver, token)


class TestRetire:
    def test_is_refused_while_benches_stand_on_it(self, driver: Driver) -> None:
        with driver.work.begin(actor="operator") as uow:
            servers.move(uow, driver.server_id, ServerEvent.DRAIN)
        with pytest.raises(ServerNotEmpty), driver.work.begin(actor="operator") as uow:
            servers.move(uow, driver.server_id, ServerEvent.RETIRE)
        with driver.work.begin(actor="operator") as uow:
            bench = benches.get_bench(uow.session, driver.bench_id)
            benches.move(uow, bench, BenchEvent.DRAIN)
            benches.request_retire(uow, bench)
        driver.finish_all()
        with driver.work.begin(actor="operator") as uow:
            assert servers.move(uow, driver.server_id, ServerEvent.RETIRE).status is ServerStatus.RETIRED
        with driver.work.read() as session:
            assert servers.list_working(session) == []

    def test_takes_no_short_cut(self, driver: Driver) -> None:
        with pytest.raises(IllegalMove), driver.work.begin(actor="operator") as uow:
            servers.move(uow, driver.server_id, ServerEvent.REOPEN)


class TestChooseServer:
    def test_takes_the_emptiest_open_one(self) -> None:
        candidates = [
            Candidate(server_id="c", is_open=True, benches=1),
            Candidate(server_id="b", is_open=True, benches=1),
            Candidate(server_id="a", is_open=False, benches=0),
            Candidate(server_id="d", is_open=True, benches=2),
        ]
        assert rules.choose_server(candidates) == "b"

    def test_says_when_there_is_none(self) -> None:
        with pytest.raises(NoServer):
            rules.choose_server([Candidate(server_id="a", is_open=False, benches=0)])
