"""Store the checksum of the last deleted event, the one at the start of the log: its cursor stays valid."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cleanup", sa.Column("log_checksum", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("cleanup", "log_checksum")
