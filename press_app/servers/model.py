"""Rows of servers and of the agents' credentials that were seen."""

from datetime import datetime

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from press_app.agents.port import AgentAddress
from press_app.kit.db import ID, Base, Choice, Moment
from press_app.kit.lifecycle import LifecycleRow
from press_app.servers.lifecycle import LIFECYCLE, ServerEvent, ServerStatus


class Server(LifecycleRow[ServerStatus, ServerEvent], Base):
    """A host with an agent."""

    __tablename__ = "server"
    lifecycle = LIFECYCLE

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str] = mapped_column(String(63), unique=True)
    url: Mapped[str | None] = mapped_column(String(255))
    agent_key: Mapped[str | None] = mapped_column(Text)
    """The agent's Ed25519 public key, PEM."""
    status: Mapped[ServerStatus] = mapped_column(Choice(ServerStatus))
    target_status: Mapped[ServerStatus | None] = mapped_column(Choice(ServerStatus))
    status_since: Mapped[datetime] = mapped_column(Moment)
    deadline_at: Mapped[datetime | None] = mapped_column(Moment)
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Moment)

    __mapper_args__ = {"version_id_col": version}

    @property
    def address(self) -> AgentAddress:
        return AgentAddress(self.id, self.url or "")


class ServerFeed(Base):
    """How far the events of a server's agent were read; apart from the server, because it changes all the time."""

    __tablename__ = "server_feed"

    server_id: Mapped[str] = mapped_column(ID, primary_key=True)
    ledger_id: Mapped[str] = mapped_column(String(64), default="")
    cursor: Mapped[int] = mapped_column(BigInteger, default=0)
    heard_at: Mapped[datetime | None] = mapped_column(Moment)
    """When the agent last spoke or answered."""


class SeenCredential(Base):
    """A credential that was used; using it again is a replay."""

    __tablename__ = "seen_credential"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True)
    """Seconds since 1970."""
