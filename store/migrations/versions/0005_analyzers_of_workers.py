"""Which analyzers a worker has: what others lack is left for it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("worker", sa.Column("analyzers", sa.Text(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("worker", "analyzers")
