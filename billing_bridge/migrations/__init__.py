"""Alembic revisions of the bridge's database."""
