"""Name the analyzer in events of analyses, and keep the reason for a pause. Earlier events keep no analyzer."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    key = sa.Text(collation="C") if op.get_bind().dialect.name == "postgresql" else sa.Text()
    op.add_column("event", sa.Column("analyzer", key))
    op.add_column("control", sa.Column("pause_reason", sa.Text()))


def downgrade() -> None:
    op.drop_column("control", "pause_reason")
    op.drop_column("event", "analyzer")
