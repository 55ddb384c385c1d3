"""The last reported status of shared components, and the keeper's lease. Both tables begin empty."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    key = sa.Text(collation="C") if op.get_bind().dialect.name == "postgresql" else sa.Text()
    op.create_table(
        "alert",
        sa.Column("component", key, primary_key=True),
        sa.Column("health", key, nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "keeper",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("holder", key, nullable=False),
        sa.Column("renewed_at", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("keeper")
    op.drop_table("alert")
