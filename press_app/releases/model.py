"""Rows of releases."""

from datetime import datetime

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from press_app.kit.db import ID, Base, Moment


class Release(Base):
    """A pinned set of app versions of an engine; it never changes after it was made."""

    __tablename__ = "release"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str] = mapped_column(String(63), unique=True)
    engine: Mapped[str] = mapped_column(String(32))
    engine_version: Mapped[str] = mapped_column(String(63))
    app_sets: Mapped[list[list[str]]] = mapped_column(JSON)
    """Sets of product apps for which benches keep a template ready."""
    sources: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    """The code of its apps as ``{app, url, commit}``, the engine's own first; empty where it comes with the agent."""
    base: Mapped[str | None] = mapped_column(String(200))
    """The image that those of its benches are built on, which decides about Python and Node; None: the agent's own."""
    created_at: Mapped[datetime] = mapped_column(Moment)
