"""Sites change: apps, names, settings, benches, copies, homes; releases name their base."""

from alembic import op
import sqlalchemy as sa
import press_app.kit.db
from sqlalchemy.dialects import mysql

revision = '0003_changing_sites'
down_revision = '0002_release_sources'
branch_labels = None
depends_on = None

HOME = '{"country": "US", "currency": "USD", "language": "en", "time_zone": "America/New_York"}'
"""What every site was made for until now."""


def upgrade() -> None:
    # MariaDB keeps what it has done of a migration that was killed.
    inspector = sa.inspect(op.get_bind())
    tables = set(inspector.get_table_names())
    _add_site_columns({column['name'] for column in inspector.get_columns('site')})
    _add_spare_locale({column['name'] for column in inspector.get_columns('spare')})
    if 'apps' not in {column['name'] for column in inspector.get_columns('backup')}:
        with op.batch_alter_table('backup', schema=None) as batch_op:
            batch_op.add_column(sa.Column('apps', sa.JSON(), nullable=True))
    if 'base' not in {column['name'] for column in inspector.get_columns('release')}:
        with op.batch_alter_table('release', schema=None) as batch_op:
            batch_op.add_column(sa.Column('base', sa.String(length=200), nullable=True))
    if 'address' not in tables:
        op.create_table('address',
        sa.Column('hostname', sa.String(length=253).with_variant(mysql.VARCHAR(charset='utf8mb4', collation='utf8mb4_nopad_bin', length=253), 'mariadb').with_variant(mysql.VARCHAR(charset='utf8mb4', collation='utf8mb4_nopad_bin', length=253), 'mysql'), nullable=False),
        sa.Column('site_id', press_app.kit.db.ID, nullable=False),
        sa.Column('kind', sa.String(length=32), nullable=False),
        sa.Column('until', press_app.kit.db.Moment(), nullable=True),
        sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_address_site_id_site')),
        sa.PrimaryKeyConstraint('hostname', name=op.f('pk_address')),
        )
    op.execute(
        "INSERT INTO address (hostname, site_id, kind) SELECT hostname, id, 'name' FROM site "
        "WHERE hostname IS NOT NULL AND NOT EXISTS (SELECT 1 FROM address WHERE address.hostname = site.hostname)"
    )
    if 'leftover' not in tables:
        op.create_table('leftover',
        sa.Column('site_id', press_app.kit.db.ID, nullable=False),
        sa.Column('bench_id', press_app.kit.db.ID, nullable=False),
        sa.Column('failures', sa.Integer(), nullable=False),
        sa.Column('retry_at', press_app.kit.db.Moment(), nullable=True),
        sa.Column('created_at', press_app.kit.db.Moment(), nullable=False),
        sa.ForeignKeyConstraint(['bench_id'], ['bench.id'], name=op.f('fk_leftover_bench_id_bench')),
        sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_leftover_site_id_site')),
        sa.PrimaryKeyConstraint('site_id', 'bench_id', name=op.f('pk_leftover')),
        )
    if 'spare_miss' not in tables:
        op.create_table('spare_miss',
        sa.Column('id', press_app.kit.db.ID, nullable=False),
        sa.Column('apps', sa.String(length=190), nullable=False),
        sa.Column('locale', sa.String(length=128), nullable=False),
        sa.Column('at', press_app.kit.db.Moment(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_spare_miss')),
        )
    # On their own, so that a repeat finds out about each.
    for table, column in (('address', 'site_id'), ('address', 'until'), ('leftover', 'bench_id'), ('spare_miss', 'at')):
        _add_index(table, column)


def _add_index(table: str, column: str) -> None:
    name = f'ix_{table}_{column}'
    if name not in {index['name'] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(op.f(name), table, [column], unique=False)


def _add_site_columns(known: set[str]) -> None:
    columns = [
        sa.Column('config', sa.JSON(), nullable=True),
        sa.Column('locale', sa.JSON(), nullable=True),
        sa.Column('other_locale', sa.JSON(), nullable=True),
        sa.Column('to_bench_id', press_app.kit.db.ID, nullable=True),
        sa.Column('change', sa.JSON(), nullable=True),
        sa.Column('last_change', sa.JSON(), nullable=True),
        sa.Column('origin_site_id', press_app.kit.db.ID, nullable=True),
        sa.Column('origin_backup_id', press_app.kit.db.ID, nullable=True),
        sa.Column('is_muted', sa.Boolean(), nullable=True),
    ]
    with op.batch_alter_table('site', schema=None) as batch_op:
        for column in columns:
            if column.name not in known:
                batch_op.add_column(column)
    op.execute("UPDATE site SET config = '{}' WHERE config IS NULL")
    op.execute(sa.text("UPDATE site SET locale = :home WHERE locale IS NULL").bindparams(home=HOME))
    op.execute('UPDATE site SET is_muted = false WHERE is_muted IS NULL')
    inspector = sa.inspect(op.get_bind())
    indexes = {index['name'] for index in inspector.get_indexes('site')}
    keys = {key['name'] for key in inspector.get_foreign_keys('site')}
    with op.batch_alter_table('site', schema=None) as batch_op:
        batch_op.alter_column('config', existing_type=sa.JSON(), nullable=False)
        batch_op.alter_column('locale', existing_type=sa.JSON(), nullable=False)
        batch_op.alter_column('is_muted', existing_type=sa.Boolean(), nullable=False)
        for column in ('to_bench_id', 'origin_backup_id'):
            if f'ix_site_{column}' not in indexes:
                batch_op.create_index(batch_op.f(f'ix_site_{column}'), [column], unique=False)
        if 'fk_site_to_bench_id_bench' not in keys:
            batch_op.create_foreign_key(batch_op.f('fk_site_to_bench_id_bench'), 'bench', ['to_bench_id'], ['id'])


def _add_spare_locale(known: set[str]) -> None:
    if 'locale' not in known:
        with op.batch_alter_table('spare', schema=None) as batch_op:
            batch_op.add_column(sa.Column('locale', sa.String(length=128), nullable=True))
    op.execute("UPDATE spare SET locale = 'US/USD/en/America/New_York' WHERE locale IS NULL")
    indexes = {index['name'] for index in sa.inspect(op.get_bind()).get_indexes('spare')}
    with op.batch_alter_table('spare', schema=None) as batch_op:
        batch_op.alter_column('locale', existing_type=sa.String(length=128), nullable=False)
        if 'ix_spare_status_apps' in indexes:
            batch_op.drop_index('ix_spare_status_apps')
        if 'ix_spare_status_apps_locale' not in indexes:
            batch_op.create_index('ix_spare_status_apps_locale', ['status', 'apps', 'locale'], unique=False)


def downgrade() -> None:
    op.drop_table('spare_miss')
    op.drop_table('leftover')
    op.drop_table('address')
    with op.batch_alter_table('backup', schema=None) as batch_op:
        batch_op.drop_column('apps')
    with op.batch_alter_table('release', schema=None) as batch_op:
        batch_op.drop_column('base')
    with op.batch_alter_table('spare', schema=None) as batch_op:
        batch_op.drop_index('ix_spare_status_apps_locale')
        batch_op.create_index('ix_spare_status_apps', ['status', 'apps'], unique=False)
        batch_op.drop_column('locale')
    with op.batch_alter_table('site', schema=None) as batch_op:
        batch_op.drop_constraint('fk_site_to_bench_id_bench', type_='foreignkey')
        batch_op.drop_index(batch_op.f('ix_site_to_bench_id'))
        batch_op.drop_index(batch_op.f('ix_site_origin_backup_id'))
        for column in (
            'config', 'locale', 'other_locale', 'to_bench_id', 'change', 'last_change', 'origin_site_id', 'origin_backup_id', 'is_muted',
        ):
            batch_op.drop_column(column)
