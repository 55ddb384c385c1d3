"""The spelling of names in an analysis's options and input data, and in its result: see `store.tables.Form`."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With a constant default neither database rewrites the table.
    for name in ("input_form", "result_form"):
        op.add_column("analysis", sa.Column(name, sa.SmallInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("analysis", "result_form")
    op.drop_column("analysis", "input_form")
