"""The first schema: inbox, leases, sent, mismatches, notes."""

import sqlalchemy as sa
from alembic import op

from billing_bridge.db import MARIADB, BigId, Body, UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("unique_key", sa.String(100), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("webhook_type", sa.String(100), nullable=False),
        sa.Column("organization_id", sa.String(64)),
        sa.Column("body", Body, nullable=False),
        sa.Column("correlation_id", sa.String(64)),
        sa.Column("received_at", UtcDateTime, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", UtcDateTime, nullable=False),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", UtcDateTime),
        sa.Column("handled_at", UtcDateTime),
        sa.Column("outcome", sa.Text),
        sa.Column("error_code", sa.String(64)),
        sa.Column("error_message", sa.Text),
        sa.UniqueConstraint("unique_key", name="uq_inbox_unique_key"),
        **MARIADB,
    )
    op.create_index("ix_inbox_status_next_attempt_at", "inbox", ["status", "next_attempt_at"])
    op.create_table(
        "leases",
        sa.Column("subject", sa.String(255), primary_key=True),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("purpose", sa.String(200), nullable=False),
        sa.Column("until", UtcDateTime, nullable=False),
        **MARIADB,
    )
    op.create_table(
        "sent",
        sa.Column("external_id", sa.String(255), primary_key=True),
        sa.Column("wanted", sa.String(8)),
        sa.Column("plan_code", sa.String(255)),
        sa.Column("reason_code", sa.String(32)),
        sa.Column("entitlements", sa.JSON),
        sa.Column("plan_print", sa.String(64)),
        sa.Column("observed_at", UtcDateTime),
        **MARIADB,
    )
    op.create_table(
        "mismatches",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("external_id", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("lago_says", sa.JSON),
        sa.Column("press_had", sa.JSON),
        sa.Column("first_seen_at", UtcDateTime, nullable=False),
        sa.Column("last_seen_at", UtcDateTime, nullable=False),
        sa.Column("times_seen", sa.Integer, nullable=False),
        sa.Column("repaired_at", UtcDateTime),
        sa.Column("error", sa.Text),
        **MARIADB,
    )
    op.create_index("ix_mismatches_repaired_at", "mismatches", ["repaired_at"])
    op.create_index("ix_mismatches_external_id", "mismatches", ["external_id"])
    op.create_table(
        "notes",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
        sa.Column("changed_at", UtcDateTime, nullable=False),
        **MARIADB,
    )


def downgrade() -> None:
    for table in ("notes", "mismatches", "sent", "leases", "inbox"):
        op.drop_table(table)
