"""First schema."""

from alembic import op
import sqlalchemy as sa
import press_app.kit.db
from sqlalchemy.dialects import mysql

revision = '0001_first_login'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('finding',
    sa.Column('id', press_app.kit.db.ID, nullable=False),
    sa.Column('invariant', sa.String(length=64), nullable=False),
    sa.Column('subject', sa.String(length=120), nullable=False),
    sa.Column('message', sa.Text(), nullable=False),
    sa.Column('first_seen_at', press_app.kit.db.Moment(), nullable=False),
    sa.Column('last_seen_at', press_app.kit.db.Moment(), nullable=False),
    sa.Column('resolved_at', press_app.kit.db.Moment(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_finding'))
    )
    with op.batch_alter_table('finding', schema=None) as batch_op:
        batch_op.create_index('ix_finding_resolved_at', ['resolved_at'], unique=False)

    op.create_table('idempotency',
    sa.Column('id', press_app.kit.db.ID, nullable=False),
    sa.Column('place', sa.String(length=320).with_variant(mysql.VARCHAR(charset='utf8mb4', collation='utf8mb4_nopad_bin', length=320), 'mariadb').with_variant(mysql.VARCHAR(charset='utf8mb4', collation='utf8mb4_nopad_bin', length=320), 'mysql'), nullable=False),
    sa.Column('request_sha256', sa.String(length=64), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('answer', sa.JSON(), nullable=True),
    sa.Column('created_at', press_app.kit.db.Moment(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idempotency')),
    sa.UniqueConstraint('place', name=op.f('uq_idempotency_place'))
    )
    with op.batch_alter_table('idempotency', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idempotency_created_at'), ['created_at'], unique=False)

    op.create_table('journal',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('at', press_app.kit.db.Moment(), nullable=False),
    sa.Column('kind', sa.String(length=64), nullable=False),
    sa.Column('subject', sa.String(length=64), nullable=False),
    sa.Column('team_id', press_app.kit.db.ID, nullable=True),
    sa.Column('actor', sa.String(length=120), nullable=False),
    sa.Column('message', sa.Text(), nullable=False),
    sa.Column('data', sa.JSON(), nullable=False),
    sa.Column('correlation_id', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_journal'))
    )
    with op.batch_alter_table('journal', schema=None) as batch_op:
        batch_op.create_index('ix_journal_kind_at', ['kind', 'at'], unique=False)
        batch_op.create_index('ix_journal_subject_id', ['subject', 'id'], unique=False)
        batch_op.create_index('ix_journal_team_id_id', ['team_id', 'id'], unique=False)

    op.create_table('lease',
    sa.Column('subject', sa.String(length=64), nullable=False),
    sa.Column('holder', sa.String(length=64), nullable=False),
    sa.Column('purpose', sa.String(length=190), nullable=False),
    sa.Column('taken_at', press_app.kit.db.Moment(), nullable=False),
    sa.Column('until', press_app.kit.db.Moment(), nullable=False),
    sa.PrimaryKeyConstraint('subject', name=op.f('pk_lease'))
    )
    op.create_table('plan',
    sa.Column('id', press_app.kit.db.ID, nullable=False),
    sa.Column('code', sa.String(length=64).with_variant(mysql.VARCHAR(charset='utf8mb4', collation='utf8mb4_nopad_bin', length=64), 'mariadb').with_variant(mysql.VARCHAR(charset='utf8mb4', collation='utf8mb4_nopad_bin', length=64), 'mysql'), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('price_cents', sa.Integer(), nullable=True),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('interval', sa.String(length=32), nullable=False),
    sa.Column('max_sites', sa.Integer(), nullable=True),
    sa.Column('max_users', sa.Integer(), nullable=True),
    sa.Column('storage_gb', sa.Integer(), nullable=True),
    sa.Column('apps', sa.JSON(), nullable=False),
    sa.Column('grace_days', sa.Integer(), nullable=False),
    sa.Column('retention_days', sa.Integer(), nullable=False),
    sa.Column('public', sa.Boolean(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', press_app.kit.db.Moment(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_plan')),
    sa.UniqueConstraint('code', name=op.f('uq_plan_code'))
    )
    op.create_table('release',
    sa.Column('id', press_app.kit.db.ID, nullable=False),
    sa.Column('name', sa.String(length=63), nullable=False),
    sa.Column('engine', sa.String(length=32), nullable=False),
    sa.Column('engine_version', sa.String(length=63), nullable=False),
    sa.Column('app_sets', sa.JSON(), nullable=False),
    sa.Column('created_at', press_app.kit.db.Moment(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_release')),
    sa.UniqueConstraint('name', name=op.f('uq_release_name'))
    )
    op.create_table('route_change',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('subject', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_route_change'))
    )
    op.create_table('schedule',
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('last_tick', press_app.kit.db.Moment(), nullable=False),
    sa.Column('paused', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_schedule'))
    )
    op.create_table('secret',
    sa.Column('ref', sa.String(length=190), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.Column('expires_at', press_app.kit.db.Moment(), nullable=True),
    sa.PrimaryKeyConstraint('ref', name=op.f('pk_secret'))
    )
    with op.batch_alter_table('secret', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_secret_expires_at'), ['expires_at'], unique=False)

    op.create_table('seen_credential',
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('expires_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_seen_credential'))
    )
    with op.batch_alter_table('seen_credential', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_seen_credential_expires_at'), ['expires_at'], unique=False)

    op.create_table('server',
    sa.Column('id', press_app.kit.db.ID, nullable=False),
    sa.Column('name', sa.String(length=63), nullable=False),
    sa.Column('url', sa.String(length=255), nullable=True),
    sa.Column('agent_key', sa.Text(), nullable=True),
    sa.Column('status', sa.String(length=32), nullable=False),
    sa.Column('target_status', sa.String(length=32), nullable=True),
    sa.Column('status_since', press_app.kit.db.Moment(), nullable=False),
    sa.Column('deadline_at', press_app.kit.db.Moment(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', press_app.kit.db.Moment(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_server')),
    sa.UniqueConstraint('name', name=op.f('uq_server_name'))
    )
    op.create_table('server_feed',
    sa.Column('server_id', press_app.kit.db.ID, nullable=False),
    sa.Column('ledger_id', sa.String(length=64), nullable=False),
    sa.Column('cursor', sa.BigInteger(), nullable=False),
    sa.Column('heard_at', press_app.kit.db.Moment(), nullable=True),
    sa.PrimaryKeyConstraint('server_id', name=op.f('pk_server_feed'))
    )
    op.create_table('task',
    sa.Column('id', press_app.kit.db.ID, nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('args', sa.JSON(), nullable=False),
    sa.Column('queue', sa.String(length=16), nullable=False),
    sa.Column('status', sa.String(length=32), nullable=False),
    sa.Column('unique_key', sa.String(length=190), nullable=True),
    sa.Column('merge_key', sa.String(length=190), nullable=True),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('run_at', press_app.kit.db.Moment(), nullable=False),
    sa.Column('planned_at', press_app.kit.db.Moment(), nullable=False),
    sa.Column('rung_at', press_app.kit.db.Moment(), nullable=True),
    sa.Column('lease_until', press_app.kit.db.Moment(), nullable=True),
    sa.Column('worker', sa.String(length=64), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('correlation_id', sa.String(length=64), nullable=False),
    sa.Column('created_at', press_app.kit.db.Moment(), nullable=False),
    sa.Column('ended_at', press_app.kit.db.Moment(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_task')),
    sa.UniqueConstraint('unique_key', name=op.f('uq_task_unique_key'))
    )
    with op.batch_alter_table('task', schema=None) as batch_op:
        batch_op.create_index('ix_task_status_run_at', ['status', 'run_at'], unique=False)

    op.create_table('team',
    sa.Column('id', press_app.kit.db.ID, nullable=False),
    sa.Column('name', sa.String(length=190), nullable=False),
    sa.Column('customer_ref', sa.String(length=190).with_variant(mysql.VARCHAR(charset='utf8mb4', collation='utf8mb4_nopad_bin', length=190), 'mariadb').with_variant(mysql.VARCHAR(charset='utf8mb4', collation='utf8mb4_nopad_bin', length=190), 'mysql'), nullable=True),
    sa.Column('created_at', press_app.kit.db.Moment(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_team')),
    sa.UniqueConstraint('customer_ref', name=op.f('uq_team_customer_ref'))
    )
    op.create_table('termination_guard',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('tripped_at', press_app.kit.db.Moment(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_termination_guard'))
    )
    op.create_table('user',
    sa.Column('id', press_app.kit.db.ID, nullable=False),
    sa.Column('email', sa.String(length=190).with_variant(mysql.VARCHAR(charset='utf8mb4', collation='utf8mb4_nopad_bin', length=190), 'mariadb').with_variant(mysql.VARCHAR(charset='utf8mb4', collation='utf8mb4_nopad_bin', length=190), 'mysql'), nullable=False),
    sa.Column('name', sa.String(length=190), nullable=False),
    sa.Column('password_hash', sa.String(length=255), nullable=True),
    sa.Column('is_operator', sa.Boolean(), nullable=False),
    sa.Column('language', sa.String(length=8), nullable=False),
    sa.Column('created_at', press_app.kit.db.Moment(), nullable=False),
    sa.Column('disabled_at', press_app.kit.db.Moment(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_user')),
    sa.UniqueConstraint('email', name=op.f('uq_user_email'))
    )
    op.create_table('api_token',
    sa.Column('id', press_app.kit.db.ID, nullable=False),
    sa.Column('token_sha256', sa.String(length=64), nullable=False),
    sa.Column('team_id', press_app.kit.db.ID, nullable=True),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('scopes', sa.JSON(), nullable=False),
    sa.Column('created_by', sa.String(length=120), nullable=False),
    sa.Column('created_at', press_app.kit.db.Moment(), nullable=False),
    sa.Column('expires_at', press_app.kit.db.Moment(), nullable=True),
    sa.Column('last_used_at', press_app.kit.db.Moment(), nullable=True),
    sa.Column('revoked_at', press_app.kit.db.Moment(), nullable=True),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_api_token_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_token')),
    sa.UniqueConstraint('token_sha256', name=op.f('uq_api_token_token_sha256'))
    )
    with op.batch_alter_table('api_token', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_api_token_team_id'), ['team_id'], unique=False)

    op.create_table('bench',
    sa.Column('id', press_app.kit.db.ID, nullable=False),
    sa.Column('server_id', press_app.kit.db.ID, nullable=False),
    sa.Column('release_id', press_app.kit.db.ID, nullable=False),
    sa.Column('status', sa.String(length=32), nullable=False),
    sa.Column('target_status', sa.String(length=32), nullable=True),
    sa.Column('status_since', press_app.kit.db.Moment(), nullable=False),
    sa.Column('deadline_at', press_app.kit.db.Moment(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('memory_bytes', sa.BigInteger(), nullable=False),
    sa.Column('max_sites', sa.Integer(), nullable=False),
    sa.Column('site_count', sa.Integer(), nullable=False),
    sa.Column('url', sa.String(length=255), nullable=True),
    sa.Column('facts', sa.JSON(), nullable=True),
    sa.Column('error', sa.JSON(), nullable=True),
    sa.Column('created_at', press_app.kit.db.Moment(), nullable=False),
    sa.ForeignKeyConstraint(['release_id'], ['release.id'], name=op.f('fk_bench_release_id_release')),
    sa.ForeignKeyConstraint(['server_id'], ['server.id'], name=op.f('fk_bench_server_id_server')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bench'))
    )
    with op.batch_alter_table('bench', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_bench_server_id'), ['server_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_bench_status'), ['status'], unique=False)

    op.create_table('browser_session',
    sa.Column('id', press_app.kit.db.ID, nullable=False),
    sa.Column('token_sha256', sa.String(length=64), nullable=False),
    sa.Column('user_id', press_app.kit.db.ID, nullable=False),
    sa.Column('ip', sa.String(length=64), nullable=False),
    sa.Column('user_agent', sa.String(length=255), nullable=False),
    sa.Column('created_at', press_app.kit.db.Moment(), nullable=False),
    sa.Column('expires_at', press_app.kit.db.Moment(), nullable=False),
    sa.Column('last_seen_at', press_app.kit.db.Moment(), nullable=False),
    sa.Column('revoked_at', press_app.kit.db.Moment(), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_browser_session_user_id_user')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_browser_session')),
    sa.UniqueConstraint('token_sha256', name=op.f('uq_browser_session_token_sha256'))
    )
    with op.batch_alter_table('browser_session', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_browser_session_user_id'), ['user_id'], unique=False)

    op.create_table('job',
    sa.Column('id', press_app.kit.db.ID, nullable=False),
    sa.Column('server_id', press_app.kit.db.ID, nullable=False),
    sa.Column('team_id', press_app.kit.db.ID, nullable=True),
    sa.Column('operation', sa.String(length=64), nullable=False),
    sa.Column('target', sa.String(length=64), nullable=False),
    sa.Column('purpose', sa.String(length=190), nullable=False),
    sa.Column('params', sa.JSON(), nullable=False),
    sa.Column('status', sa.String(length=32), nullable=False),
    sa.Column('target_status', sa.String(length=32), nullable=True),
    sa.Column('status_since', press_app.kit.db.Moment(), nullable=False),
    sa.Column('deadline_at', press_app.kit.db.Moment(), nullable=True),
    sa.Column('due_at', press_app.kit.db.Moment(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('agent_seq', sa.BigInteger(), nullable=False),
    sa.Column('steps', sa.JSON(), nullable=False),
    sa.Column('result', sa.JSON(), nullable=True),
    sa.Column('error', sa.JSON(), nullable=True),
    sa.Column('correlation_id', sa.String(length=64), nullable=False),
    sa.Column('created_at', press_app.kit.db.Moment(), nullable=False),
    sa.Column('ended_at', press_app.kit.db.Moment(), nullable=True),
    sa.Column('settled_at', press_app.kit.db.Moment(), nullable=True),
    sa.ForeignKeyConstraint(['server_id'], ['server.id'], name=op.f('fk_job_server_id_server')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_job'))
    )
    with op.batch_alter_table('job', schema=None) as batch_op:
        batch_op.create_index('ix_job_settled_at_ended_at', ['settled_at', 'ended_at'], unique=False)
        batch_op.create_index('ix_job_status_server_id', ['status', 'server_id'], unique=False)
        batch_op.create_index('ix_job_target_id', ['target', 'id'], unique=False)
        batch_op.create_index('ix_job_team_id_id', ['team_id', 'id'], unique=False)

    op.create_table('membership',
    sa.Column('team_id', press_app.kit.db.ID, nullable=False),
    sa.Column('user_id', press_app.kit.db.ID, nullable=False),
    sa.Column('role', sa.String(length=32), nullable=False),
    sa.Column('created_at', press_app.kit.db.Moment(), nullable=False),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_membership_team_id_team')),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_membership_user_id_user')),
    sa.PrimaryKeyConstraint('team_id', 'user_id', name=op.f('pk_membership'))
    )
    with op.batch_alter_table('membership', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_membership_user_id'), ['user_id'], unique=False)

    op.create_table('subscription',
    sa.Column('id', press_app.kit.db.ID, nullable=False),
    sa.Column('external_id', sa.String(length=190).with_variant(mysql.VARCHAR(charset='utf8mb4', collation='utf8mb4_nopad_bin', length=190), 'mariadb').with_variant(mysql.VARCHAR(charset='utf8mb4', collation='utf8mb4_nopad_bin', length=190), 'mysql'), nullable=False),
    sa.Column('team_id', press_app.kit.db.ID, nullable=False),
    sa.Column('plan_code', sa.String(length=64).with_variant(mysql.VARCHAR(charset='utf8mb4', collation='utf8mb4_nopad_bin', length=64), 'mariadb').with_variant(mysql.VARCHAR(charset='utf8mb4', collation='utf8mb4_nopad_bin', length=64), 'mysql'), nullable=False),
    sa.Column('name', sa.String(length=190), nullable=True),
    sa.Column('wanted', sa.String(length=32), nullable=False),
    sa.Column('reason', sa.JSON(), nullable=True),
    sa.Column('override', sa.JSON(), nullable=True),
    sa.Column('lago_id', sa.String(length=64), nullable=True),
    sa.Column('observed_at', press_app.kit.db.Moment(), nullable=False),
    sa.Column('ended_at', press_app.kit.db.Moment(), nullable=True),
    sa.Column('archive_confirmed_at', press_app.kit.db.Moment(), nullable=True),
    sa.Column('superseded_at', press_app.kit.db.Moment(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', press_app.kit.db.Moment(), nullable=False),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_subscription_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_subscription')),
    sa.UniqueConstraint('external_id', name=op.f('uq_subscription_external_id'))
    )
    with op.batch_alter_table('subscription', schema=None) as batch_op:
        batch_op.create_index('ix_subscription_team_id_id', ['team_id', 'id'], unique=False)
        batch_op.create_index('ix_subscription_wanted_ended_at', ['wanted', 'ended_at'], unique=False)

    op.create_table('site',
    sa.Column('id', press_app.kit.db.ID, nullable=False),
    sa.Column('team_id', press_app.kit.db.ID, nullable=False),
    sa.Column('bench_id', press_app.kit.db.ID, nullable=True),
    sa.Column('name', sa.String(length=63), nullable=False),
    sa.Column('hostname', sa.String(length=253), nullable=True),
    sa.Column('apps', sa.JSON(), nullable=False),
    sa.Column('company', sa.String(length=190), nullable=False),
    sa.Column('admin_login', sa.String(length=120), nullable=False),
    sa.Column('admin_email', sa.String(length=254), nullable=False),
    sa.Column('wanted', sa.String(length=32), nullable=False),
    sa.Column('route', sa.String(length=32), nullable=False),
    sa.Column('status', sa.String(length=32), nullable=False),
    sa.Column('target_status', sa.String(length=32), nullable=True),
    sa.Column('status_since', press_app.kit.db.Moment(), nullable=False),
    sa.Column('deadline_at', press_app.kit.db.Moment(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('retry_at', press_app.kit.db.Moment(), nullable=True),
    sa.Column('has_place', sa.Boolean(), nullable=False),
    sa.Column('error', sa.JSON(), nullable=True),
    sa.Column('size_bytes', sa.BigInteger(), nullable=True),
    sa.Column('users', sa.Integer(), nullable=True),
    sa.Column('measured_at', press_app.kit.db.Moment(), nullable=True),
    sa.Column('archived_at', press_app.kit.db.Moment(), nullable=True),
    sa.Column('undo_until', press_app.kit.db.Moment(), nullable=True),
    sa.Column('created_at', press_app.kit.db.Moment(), nullable=False),
    sa.ForeignKeyConstraint(['bench_id'], ['bench.id'], name=op.f('fk_site_bench_id_bench')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_site_team_id_team')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_site')),
    sa.UniqueConstraint('hostname', name=op.f('uq_site_hostname'))
    )
    with op.batch_alter_table('site', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_site_bench_id'), ['bench_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_site_deadline_at'), ['deadline_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_site_name'), ['name'], unique=False)
        batch_op.create_index('ix_site_status_id', ['status', 'id'], unique=False)
        batch_op.create_index('ix_site_status_measured_at', ['status', 'measured_at'], unique=False)
        batch_op.create_index('ix_site_team_id_id', ['team_id', 'id'], unique=False)
        batch_op.create_index('ix_site_wanted_status', ['wanted', 'status'], unique=False)

    op.create_table('spare',
    sa.Column('id', press_app.kit.db.ID, nullable=False),
    sa.Column('bench_id', press_app.kit.db.ID, nullable=False),
    sa.Column('apps', sa.String(length=190), nullable=False),
    sa.Column('status', sa.String(length=32), nullable=False),
    sa.Column('target_status', sa.String(length=32), nullable=True),
    sa.Column('status_since', press_app.kit.db.Moment(), nullable=False),
    sa.Column('deadline_at', press_app.kit.db.Moment(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', press_app.kit.db.Moment(), nullable=False),
    sa.ForeignKeyConstraint(['bench_id'], ['bench.id'], name=op.f('fk_spare_bench_id_bench')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_spare'))
    )
    with op.batch_alter_table('spare', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_spare_bench_id'), ['bench_id'], unique=False)
        batch_op.create_index('ix_spare_status_apps', ['status', 'apps'], unique=False)

    op.create_table('backup',
    sa.Column('id', press_app.kit.db.ID, nullable=False),
    sa.Column('site_id', press_app.kit.db.ID, nullable=False),
    sa.Column('team_id', press_app.kit.db.ID, nullable=False),
    sa.Column('engine', sa.String(length=32), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('status', sa.String(length=32), nullable=False),
    sa.Column('target_status', sa.String(length=32), nullable=True),
    sa.Column('status_since', press_app.kit.db.Moment(), nullable=False),
    sa.Column('deadline_at', press_app.kit.db.Moment(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('receipt', sa.JSON(), nullable=True),
    sa.Column('size_bytes', sa.BigInteger(), nullable=True),
    sa.Column('taken_at', press_app.kit.db.Moment(), nullable=True),
    sa.Column('verified_at', press_app.kit.db.Moment(), nullable=True),
    sa.Column('error', sa.String(length=1000), nullable=True),
    sa.Column('created_at', press_app.kit.db.Moment(), nullable=False),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_backup_site_id_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_backup'))
    )
    with op.batch_alter_table('backup', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_backup_deadline_at'), ['deadline_at'], unique=False)
        batch_op.create_index('ix_backup_site_id_id', ['site_id', 'id'], unique=False)
        batch_op.create_index('ix_backup_site_id_status_taken_at', ['site_id', 'status', 'taken_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_backup_team_id'), ['team_id'], unique=False)

    op.create_table('coverage',
    sa.Column('site_id', press_app.kit.db.ID, nullable=False),
    sa.Column('subscription_id', press_app.kit.db.ID, nullable=True),
    sa.Column('on_word', sa.Boolean(), nullable=False),
    sa.Column('is_ended', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_coverage_site_id_site')),
    sa.ForeignKeyConstraint(['subscription_id'], ['subscription.id'], name=op.f('fk_coverage_subscription_id_subscription')),
    sa.PrimaryKeyConstraint('site_id', name=op.f('pk_coverage'))
    )
    with op.batch_alter_table('coverage', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_coverage_subscription_id'), ['subscription_id'], unique=False)

    op.create_table('hold',
    sa.Column('site_id', press_app.kit.db.ID, nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('message', sa.Text(), nullable=False),
    sa.Column('placed_by', sa.String(length=120), nullable=False),
    sa.Column('placed_at', press_app.kit.db.Moment(), nullable=False),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_hold_site_id_site')),
    sa.PrimaryKeyConstraint('site_id', 'kind', name=op.f('pk_hold'))
    )
    op.create_table('login_link',
    sa.Column('id', press_app.kit.db.ID, nullable=False),
    sa.Column('site_id', press_app.kit.db.ID, nullable=False),
    sa.Column('job_id', press_app.kit.db.ID, nullable=False),
    sa.Column('asked_by', sa.String(length=120), nullable=True),
    sa.Column('path', sa.String(length=64), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('expires_at', press_app.kit.db.Moment(), nullable=False),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_login_link_site_id_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_login_link'))
    )
    with op.batch_alter_table('login_link', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_login_link_site_id'), ['site_id'], unique=False)



def downgrade() -> None:
    op.drop_table('login_link')
    op.drop_table('hold')
    op.drop_table('coverage')
    op.drop_table('backup')
    op.drop_table('site')
    op.drop_table('subscription')
    op.drop_table('membership')
    op.drop_table('job')
    op.drop_table('browser_session')
    op.drop_table('spare')
    op.drop_table('bench')
    op.drop_table('api_token')
    op.drop_table('user')
    op.drop_table('termination_guard')
    op.drop_table('team')
    op.drop_table('task')
    op.drop_table('server_feed')
    op.drop_table('server')
    op.drop_table('seen_credential')
    op.drop_table('secret')
    op.drop_table('schedule')
    op.drop_table('route_change')
    op.drop_table('release')
    op.drop_table('plan')
    op.drop_table('lease')
    op.drop_table('journal')
    op.drop_table('idempotency')
    op.drop_table('finding')
