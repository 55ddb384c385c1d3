"""Add bulk actions: retry, cancel or delete many analyses. The tables begin empty."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    key = sa.Text(collation="C") if op.get_bind().dialect.name == "postgresql" else sa.Text()
    op.create_table(
        "bulk_action",
        sa.Column("id", key, primary_key=True),
        *(sa.Column(name, key, nullable=False) for name in ("workspace", "kind", "status")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("matched", "eligible", "done", "refused")),
        sa.Column("reached", key, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger()) for name in ("finished_at", "progress_event_at")),
        sa.Column("lease", key, nullable=False),
        sa.Column("renewed_at", sa.BigInteger()),
    )
    op.create_table(
        "bulk_action_item",
        sa.Column("action_id", key, primary_key=True),
        sa.Column("analysis_id", key, primary_key=True),
    )
    op.create_index("bulk_action_finished", "bulk_action", ["finished_at"])


def downgrade() -> None:
    op.drop_table("bulk_action_item")
    op.drop_table("bulk_action")
