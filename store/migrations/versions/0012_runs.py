"""Keep the time of a batch's last retry, the time between its runs, and earlier attempts of an analysis.

A batch that a retry reopened before has lost the start of its first run: its figures stay as they are.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INSTANTS = ("last_retried_at", "last_end_at")


def upgrade() -> None:
    for name in INSTANTS:
        op.add_column("batch", sa.Column(name, sa.BigInteger()))
    op.add_column("batch", sa.Column("idle_time", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("analysis", sa.Column("attempts", sa.Text()))


def downgrade() -> None:
    op.drop_column("analysis", "attempts")
    for name in ("idle_time", *INSTANTS):
        op.drop_column("batch", name)
