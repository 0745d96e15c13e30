"""Runs migrations on the database that the caller opened."""

from typing import Literal

from alembic import context
from sqlalchemy import Connection, create_engine

from press_app.kit.db import CHOICE_LENGTH, Choice
from press_app.migrations.tables import METADATA


def render_item(kind: str, item: object, autogen: object) -> str | Literal[False]:  # noqa: ARG001 - Alembic's signature
    """Choices are written as plain text columns: a migration must not depend on today's enums."""
    return f"sa.String(length={CHOICE_LENGTH})" if kind == "type" and isinstance(item, Choice) else False


def run(connection: Connection) -> None:
    """Batch mode, because SQLite cannot alter constraints in place."""
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=True,
        compare_type=True,
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is None:
    with create_engine(context.config.get_main_option("sqlalchemy.url") or "sqlite://").connect() as opened:
        run(opened)
        opened.commit()
else:
    run(given)
