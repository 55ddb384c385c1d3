"""Notes."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "NEWEST"
branch_labels = None
depends_on = None


def upgrade() -> None:
    key = sa.Text(collation="C") if op.get_bind().dialect.name == "postgresql" else sa.Text()
    op.create_table(
        "note",
        sa.Column("id", key, primary_key=True),
        sa.Column("workspace", key, nullable=False),
        sa.Column("batch_id", key, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
    )


def downgrade() -> None:
    op.drop_table("note")
