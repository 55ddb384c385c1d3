"""Add users, workspaces, credentials, changes of access and the audit log. No row is rewritten.

The first workspace is `default`, the key in all present `workspace` columns. There is no user.

The audit log is append-only: triggers refuse each UPDATE, and each DELETE of an entry of the last 30 days by the
database's clock. That is the shortest time that a setting may keep entries.
"""

import time

import sqlalchemy as sa
from alembic import op

from store.sql.ids import new_id

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

SQLITE_TRIGGERS = (
    """
    CREATE TRIGGER audit_append BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'audit entries can not be changed'); END
    """,
    """
    CREATE TRIGGER audit_keep BEFORE DELETE ON audit
    WHEN OLD.at > (CAST(strftime('%s', 'now') AS INTEGER) - 30 * 86400) * 1000000
    BEGIN SELECT RAISE(ABORT, 'audit entries of the last 30 days can not be deleted'); END
    """,
)
POSTGRESQL_TRIGGERS = (
    """
    CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'audit entries can not be changed, or deleted within 30 days' USING ERRCODE = '23001';
    END $$
    """,
    """
    CREATE TRIGGER audit_append BEFORE UPDATE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()
    """,
    """
    CREATE TRIGGER audit_keep BEFORE DELETE ON audit
    FOR EACH ROW WHEN (OLD.at > (extract(epoch FROM clock_timestamp()) - 30 * 86400) * 1000000)
    EXECUTE FUNCTION audit_refuse()
    """,
)


def upgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    key = sa.Text(collation="C") if postgresql else sa.Text()
    instant = sa.BigInteger()
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "user",
        sa.Column("id", key, primary_key=True),
        sa.Column("name", key, nullable=False),
        sa.Column("display_name", sa.Text()),
        sa.Column("email", sa.Text()),
        sa.Column("is_administrator", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("issuer", key),
        sa.Column("subject", key),
        sa.Column("password", sa.Text()),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("last_sign_in_at", instant),
    )
    workspace = op.create_table(
        "workspace",
        sa.Column("id", key, primary_key=True),
        sa.Column("key", key, nullable=False),
        sa.Column("slug", key, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("deleted_at", instant),
    )
    op.create_table(
        "membership",
        *(sa.Column(name, key, primary_key=name == "id", nullable=False) for name in ("id", "workspace", "user_id")),
        sa.Column("role", key, nullable=False),
        sa.Column("created_at", instant, nullable=False),
    )
    op.create_table(
        "api_key",
        sa.Column("id", key, primary_key=True),
        sa.Column("workspace", key, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        *(sa.Column(name, key, nullable=False) for name in ("start", "hash", "role", "created_by")),
        sa.Column("created_at", instant, nullable=False),
        *(sa.Column(name, instant) for name in ("expires_at", "last_used_at", "revoked_at")),
    )
    op.create_table(
        "signin",
        sa.Column("id", key, primary_key=True),
        sa.Column("user_id", key, nullable=False),
        *(sa.Column(name, instant, nullable=False) for name in ("created_at", "last_used_at", "expires_at")),
        sa.Column("ended_at", instant),
        sa.Column("address", sa.Text()),
        sa.Column("user_agent", sa.Text()),
    )
    op.create_table(
        "refresh",
        sa.Column("hash", key, primary_key=True),
        sa.Column("signin_id", key, nullable=False),
        sa.Column("expires_at", instant, nullable=False),
        sa.Column("used_at", instant),
        sa.Column("successor", key),
        sa.Column("kid", key),
    )
    op.create_table(
        "invitation",
        sa.Column("user_id", key, primary_key=True),
        sa.Column("hash", key, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("expires_at", instant, nullable=False),
    )
    op.create_table(
        "access_change",
        sa.Column("number", number, primary_key=True, autoincrement=True),
        sa.Column("subject_id", key, nullable=False),
        sa.Column("user_id", key),
        sa.Column("occurred_at", instant, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "audit",
        sa.Column("number", number, primary_key=True, autoincrement=True),
        sa.Column("id", key, nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("workspace", key),
        *(sa.Column(name, key, nullable=False) for name in ("action", "outcome", "actor_kind")),
        sa.Column("actor_id", key),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("subject_id", key),
        *(sa.Column(name, sa.Text()) for name in ("address", "user_agent", "request_id")),
        sa.Column("details", sa.Text(), nullable=False),
        sqlite_autoincrement=True,
    )

    op.create_index("user_name", "user", ["name"], unique=True)
    op.create_index("user_issuer", "user", ["issuer", "subject"], unique=True)
    op.create_index("workspace_key", "workspace", ["key"], unique=True)
    existing = sa.text("deleted_at IS NULL")
    op.create_index(
        "workspace_slug", "workspace", ["slug"], unique=True, sqlite_where=existing, postgresql_where=existing
    )
    op.create_index("membership_of_user", "membership", ["user_id", "workspace"], unique=True)
    op.create_index("membership_of_workspace", "membership", ["workspace", "id"])
    op.create_index("api_key_hash", "api_key", ["hash"], unique=True)
    op.create_index("api_key_of_workspace", "api_key", ["workspace", "id"])
    op.create_index("api_key_of_user", "api_key", ["created_by", "id"])
    op.create_index("signin_of_user", "signin", ["user_id", "id"])
    op.create_index("signin_expires", "signin", ["expires_at"])
    op.create_index("refresh_expires", "refresh", ["expires_at"])
    op.create_index("invitation_hash", "invitation", ["hash"], unique=True)
    op.create_index("audit_id", "audit", ["id"], unique=True)
    op.create_index("audit_at", "audit", ["at"])
    for name in ("workspace", "actor", "subject"):
        column = name if name == "workspace" else f"{name}_id"
        op.create_index(f"audit_of_{name}", "audit", [column, "number"])

    first = {"key": "default", "slug": "default", "name": "Default", "created_at": time.time_ns() // 1000}
    op.bulk_insert(workspace, [{"id": new_id("workspace"), **first}])
    for statement in POSTGRESQL_TRIGGERS if postgresql else SQLITE_TRIGGERS:
        op.execute(statement)


def downgrade() -> None:
    tables = ("audit", "access_change", "invitation", "refresh", "signin", "api_key", "membership", "workspace", "user")
    for table in tables:
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_refuse()")
