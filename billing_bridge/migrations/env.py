"""Alembic's entry: runs the revisions against the database that the caller names."""

from alembic import context

from billing_bridge.db import make_engine, metadata


def run() -> None:
    engine = context.config.attributes.get("connection")
    owned = engine is None
    engine = engine if engine is not None else make_engine(context.config.attributes["url"])
    with engine.connect() as connection:
        context.configure(
            connection=connection, target_metadata=metadata, render_as_batch=True, compare_type=False
        )
        with context.begin_transaction():
            context.run_migrations()
    if owned:
        engine.dispose()


run()
