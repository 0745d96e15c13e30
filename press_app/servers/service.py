"""What can be done with servers."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from press_app.agents import credentials
from press_app.kit.db import ReadSession, Session
from press_app.kit.ids import new_id
from press_app.kit.pagination import Page, PageRequest, read_page
from press_app.servers.errors import KeyInvalid, ServerNameTaken, ServerUnknown
from press_app.servers.events import ServerRetireWanted
from press_app.servers.lifecycle import LIFECYCLE, ServerEvent, ServerStatus
from press_app.servers.model import SeenCredential, Server, ServerFeed
from press_app.work.unit_of_work import UnitOfWork

QUIET_AFTER = timedelta(seconds=90)
"""An agent that said nothing for so long counts as quiet."""


def add_server(uow: UnitOfWork, *, name: str) -> Server:
    """A new server that waits for its agent's key. Raises :class:`ServerNameTaken`."""
    server = Server(id=new_id(), name=name, created_at=uow.now())
    server.enter(LIFECYCLE.initial, uow.now())
    try:
        with uow.session.begin_nested():
            uow.session.add(server)
    except IntegrityError:
        message = f"A server called {name} exists already. Nothing was changed. Choose another name."
        raise ServerNameTaken(message, name=name) from None
    uow.session.add(ServerFeed(server_id=server.id, ledger_id="", cursor=0))
    uow.record("server.added", f"server:{server.id}", f"Server {name} was added.")
    return server


def enroll(uow: UnitOfWork, server_id: str, *, url: str, agent_key: str) -> Server:
    """Store the agent's public key (PEM) and address. Raises :class:`KeyInvalid`."""
    server = get_server(uow.session, server_id)
    _read_key(agent_key)
    server.url = url.rstrip("/")
    server.agent_key = agent_key
    server.apply(ServerEvent.ENROLLED, uow.now())
    uow.record(
        "server.enrolled", f"server:{server.id}", f"The agent of {server.name} listens at {server.url}."
    )
    return server


def get_server(session: Session | ReadSession, server_id: str) -> Server:
    """The server. Raises :class:`ServerUnknown`."""
    server = session.get(Server, server_id)
    if server is None:
        message = f"There is no server {server_id}."
        raise ServerUnknown(message, server_id=server_id)
    return server


def list_servers(session: Session | ReadSession, request: PageRequest) -> Page[Server]:
    return read_page(session, select(Server), Server.id, request)


def list_working(session: Session | ReadSession) -> list[Server]:
    """Servers whose agents are asked: those that are active or draining."""
    states = [ServerStatus.ACTIVE, ServerStatus.DRAINING]
    return list(session.scalars(select(Server).where(Server.status.in_(states)).order_by(Server.id)))


def move(uow: UnitOfWork, server_id: str, event: ServerEvent) -> Server:
    """Drain, reopen or retire. Raises what the listeners of ``ServerRetireWanted`` raise."""
    server = get_server(uow.session, server_id)
    if event is ServerEvent.RETIRE:
        uow.publish(ServerRetireWanted(server_id))
    status = server.apply(event, uow.now())
    uow.record(f"server.{status}", f"server:{server.id}", f"Server {server.name} is {status} now.")
    return server


def authenticate_agent(uow: UnitOfWork, authorization: str | None, *, operation: str, body: bytes) -> Server:
    """The server whose agent signed this request; the credential is used up.

    Raises :class:`press_app.agents.credentials.CredentialRefused`.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise credentials.CredentialRefused("credential_missing", "This needs an agent's credential.")
    found: dict[str, Server] = {}

    def key_of(server_id: str) -> OKPKey | None:
        server = uow.session.get(Server, server_id)
        if server is None or server.agent_key is None or not LIFECYCLE.allows(server.status, "run"):
            return None
        found["server"] = server
        return _read_key(server.agent_key)

    accepted = credentials.verify(token, key_of=key_of, operation=operation, body=body, now=uow.now())
    try:
        with uow.session.begin_nested():
            uow.session.add(SeenCredential(token_hash=accepted.token_hash, expires_at=accepted.expires_at))
    except IntegrityError:
        raise credentials.CredentialRefused(
            "credential_replayed", "This credential was used before."
        ) from None
    return found["server"]


def forget_credentials(uow: UnitOfWork) -> None:
    """Remove used credentials that nobody can use any more."""
    horizon = int(uow.now().timestamp()) - credentials.SKEW_SECONDS - credentials.MAX_LIFETIME_SECONDS
    uow.session.execute(delete(SeenCredential).where(SeenCredential.expires_at < horizon))


def get_feed(uow: UnitOfWork, server_id: str) -> ServerFeed:
    """The feed of the server, locked for this transaction."""
    feed = uow.session.scalar(select(ServerFeed).where(ServerFeed.server_id == server_id).with_for_update())
    if feed is None:
        feed = ServerFeed(server_id=server_id, ledger_id="", cursor=0)
        uow.session.add(feed)
    return feed


def note_heard(uow: UnitOfWork, server_id: str) -> None:
    """The agent answered just now."""
    get_feed(uow, server_id).heard_at = uow.now()


def find_feed(session: Session | ReadSession, server_id: str) -> ServerFeed | None:
    return session.get(ServerFeed, server_id)


def find_feeds(session: Session | ReadSession, server_ids: Sequence[str]) -> dict[str, ServerFeed]:
    """Server id → its feed; servers that never had one are missing."""
    query = select(ServerFeed).where(ServerFeed.server_id.in_(server_ids))
    return {feed.server_id: feed for feed in session.scalars(query)}


def is_quiet(feed: ServerFeed | None, now: datetime) -> bool:
    """Whether the agent has said nothing for too long."""
    return feed is None or feed.heard_at is None or now - feed.heard_at > QUIET_AFTER


def _read_key(pem: str) -> OKPKey:
    message = "The agent's public key is not an Ed25519 key in PEM. It was not stored. Run 'press-agent enroll' again."
    try:
        key = OKPKey.import_key(pem)
        curve = key.as_dict(private=False)["crv"]
    except (JoseError, ValueError) as error:
        raise KeyInvalid(message) from error
    if curve != "Ed25519":
        raise KeyInvalid(message)
    if key.is_private:
        message = "This is a private key. It was not stored. Give the public one."
        raise KeyInvalid(message)
    return key
