"""Keep the sizes of each analysis's input, options and result in bytes of UTF-8, for all present rows too.

A reader learns the size of a list's contents from these columns before it reads the contents. Null: there is no
content, or a program of an earlier release wrote it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NAMES = ("input_bytes", "options_bytes", "result_bytes")


def upgrade() -> None:
    for name in NAMES:
        op.add_column("analysis", sa.Column(name, sa.Integer()))
    # SQLite has `octet_length` since 3.43 only.
    size = "length(CAST({} AS BLOB))" if op.get_bind().dialect.name == "sqlite" else "octet_length({})"
    text, data, options, result = map(size.format, ("input_text", "input_data", "options", "result"))
    op.execute(
        f"UPDATE analysis SET input_bytes = coalesce({text}, {data}), options_bytes = {options}, "  # noqa: S608 - of constants
        f"result_bytes = {result}"
    )


def downgrade() -> None:
    for name in reversed(NAMES):
        op.drop_column("analysis", name)
