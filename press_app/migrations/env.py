"""Runs migrations on the database that the caller opened."""

from typing import Literal

from alembic import context
from alembic.operations.ops import DropTableOp, MigrationScript, ModifyTableOps
from sqlalchemy import Connection, create_engine

from press_app.kit.db import CHOICE_LENGTH, Choice
from press_app.migrations import runner
from press_app.migrations.tables import METADATA


def render_item(kind: str, item: object, autogen: object) -> str | Literal[False]:  # noqa: ARG001 - Alembic's signature
    """Choices are written as plain text columns: a migration must not depend on today's enums."""
    return f"sa.String(length={CHOICE_LENGTH})" if kind == "type" and isinstance(item, Choice) else False


def drop_tables_whole(_context: object, _revision: object, directives: list[MigrationScript]) -> None:
    """A table takes its indexes with it; MariaDB refuses to drop those first that a foreign key needs."""
    for script in directives:
        for part in (script.upgrade_ops, script.downgrade_ops):
            steps = part.ops if part else []
            gone = {step.table_name for step in steps if isinstance(step, DropTableOp)}
            steps[:] = [
                step for step in steps if not (isinstance(step, ModifyTableOps) and step.table_name in gone)
            ]


def run(connection: Connection) -> None:
    """Batch mode, because SQLite cannot alter constraints in place."""
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=True,
        compare_type=True,
        render_item=render_item,
        process_revision_directives=drop_tables_whole,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if isinstance(given, Connection):
    run(given)
else:
    engine = given or create_engine(context.config.get_main_option("sqlalchemy.url") or "sqlite://")
    with engine.connect() as opened, runner.migrating(opened):
        run(opened)
