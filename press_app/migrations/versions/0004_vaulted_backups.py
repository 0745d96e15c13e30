"""Backups are encrypted with keys of teams, taken on a schedule, and deleted when they are over."""

from alembic import op
import sqlalchemy as sa
import press_app.kit.db

revision = '0004_vaulted_backups'
down_revision = '0003_changing_sites'
branch_labels = None
depends_on = None

MOMENT = press_app.kit.db.Moment
BACKUP = {
    'server_id': press_app.kit.db.ID,
    'key_id': press_app.kit.db.ID,
    'locked_until': MOMENT(),
    'deleted_at': MOMENT(),
    'deleted_why': sa.String(length=190),
}
SITE = {'backup_due_at': MOMENT(), 'backed_up_at': MOMENT(), 'backup_verified_at': MOMENT()}
INDEXES = {
    'backup': {'ix_backup_key_id': ['key_id']},
    'site': {
        'ix_site_status_backup_due_at': ['status', 'backup_due_at'],
        'ix_site_status_backed_up_at': ['status', 'backed_up_at'],
    },
}


def upgrade() -> None:
    # MariaDB keeps what it has done of a migration that was killed.
    inspector = sa.inspect(op.get_bind())
    if 'backup_key' not in inspector.get_table_names():
        op.create_table('backup_key',
        sa.Column('id', press_app.kit.db.ID, nullable=False),
        sa.Column('team_id', press_app.kit.db.ID, nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('created_by', sa.String(length=120), nullable=False),
        sa.Column('created_at', MOMENT(), nullable=False),
        sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_backup_key_team_id_team')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_backup_key')),
        sa.UniqueConstraint('team_id', 'version', name=op.f('uq_backup_key_team_id_version')),
        )
    for table, columns in (('backup', BACKUP), ('site', SITE), ('job', {'is_routine': sa.Boolean()})):
        known = {column['name'] for column in inspector.get_columns(table)}
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name, kind in columns.items():
                if name not in known:
                    batch_op.add_column(sa.Column(name, kind, nullable=True))
    op.execute(
        "UPDATE job SET is_routine = (operation IN ('measure_usage', 'prepare_site')) WHERE is_routine IS NULL"
    )
    with op.batch_alter_table('job', schema=None) as batch_op:
        batch_op.alter_column('is_routine', existing_type=sa.Boolean(), nullable=False)
    inspector = sa.inspect(op.get_bind())
    for table, indexes in INDEXES.items():
        known = {index['name'] for index in inspector.get_indexes(table)}
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name, columns in indexes.items():
                if name not in known:
                    batch_op.create_index(name, columns, unique=False)
    _fill_what_is_known()


def _fill_what_is_known() -> None:
    """Sites say when their newest verified backup was taken, as if it had been noted then."""
    newest = "SELECT MAX(taken_at) FROM backup WHERE backup.site_id = site.id AND backup.status = 'verified'"
    op.execute(f'UPDATE site SET backed_up_at = ({newest}) WHERE backed_up_at IS NULL')
    op.execute(
        'UPDATE site SET backup_verified_at = (SELECT MAX(verified_at) FROM backup WHERE backup.site_id = site.id '
        "AND backup.status = 'verified' AND backup.taken_at = site.backed_up_at) WHERE backup_verified_at IS NULL"
    )


def downgrade() -> None:
    for table, indexes in INDEXES.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name in indexes:
                batch_op.drop_index(name)
    for table, columns in (('backup', BACKUP), ('site', SITE), ('job', {'is_routine': None})):
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name in columns:
                batch_op.drop_column(name)
    op.drop_table('backup_key')
