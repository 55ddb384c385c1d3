"""PgQueuer's tables, on PostgreSQL alone."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        from store.queue import permits  # here: PgQueuer takes a third of a second to import

        op.get_bind().connection.dbapi_connection.run_async(permits.install)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        from store.queue import permits

        op.get_bind().connection.dbapi_connection.run_async(permits.uninstall)
