"""The generation of Lago's that the control plane was last told about, so that a successor under the same id is noticed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("sent", sa.Column("lago_id", sa.String(255)))


def downgrade() -> None:
    op.drop_column("sent", "lago_id")
