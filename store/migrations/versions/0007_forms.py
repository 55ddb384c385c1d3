"""Mark the names in each analysis's stored JSON: one mark for options and input data, one for the result.

0 means the names of the models' fields, in snake_case; 1 means the names that clients read. All present rows have 0.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With a constant default neither database rewrites the table.
    for name in ("input_form", "result_form"):
        op.add_column("analysis", sa.Column(name, sa.SmallInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("analysis", "result_form")
    op.drop_column("analysis", "input_form")
