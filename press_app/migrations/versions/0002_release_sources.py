"""Releases name the code of their apps."""

from alembic import op
import sqlalchemy as sa

revision = '0002_release_sources'
down_revision = '0001_first_login'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # MariaDB keeps what it has done of a migration that was killed.
    known = {column['name'] for column in sa.inspect(op.get_bind()).get_columns('release')}
    if 'sources' not in known:
        with op.batch_alter_table('release', schema=None) as batch_op:
            batch_op.add_column(sa.Column('sources', sa.JSON(), nullable=True))
    op.execute("UPDATE `release` SET sources = '[]'")
    with op.batch_alter_table('release', schema=None) as batch_op:
        batch_op.alter_column('sources', existing_type=sa.JSON(), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table('release', schema=None) as batch_op:
        batch_op.drop_column('sources')
