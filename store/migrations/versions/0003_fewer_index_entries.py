"""Lists of what has ended, and of what has not, by indexes of their own; an event's place as its key on PostgreSQL.

And of batches how far they are where they are retried in slices, and whether items of theirs were deleted.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FINISHED, UNFINISHED = sa.text("finished_at IS NOT NULL"), sa.text("finished_at IS NULL")


def upgrade() -> None:
    for name, column in (
        ("analysis_status", "status"),
        ("analysis_finished", "finished_at"),
        ("analysis_duration", sa.text("coalesce(processing_time_ms, -1)")),
    ):
        op.drop_index(name, "analysis")
        columns = ["workspace", column, "id"]
        op.create_index(name, "analysis", columns, sqlite_where=FINISHED, postgresql_where=FINISHED)
    op.create_index(
        "analysis_open", "analysis", ["workspace", "id"], sqlite_where=UNFINISHED, postgresql_where=UNFINISHED
    )
    # Of batches that are there already it is not known.
    op.add_column("batch", sa.Column("thinned", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("batch", sa.Column("retry_before", sa.BigInteger()))
    op.add_column("batch", sa.Column("retry_turn", sa.Integer()))
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("event_order", "event")
        op.execute("ALTER TABLE event DROP CONSTRAINT event_pkey, ADD PRIMARY KEY (xid, position)")


def downgrade() -> None:
    op.drop_column("batch", "retry_turn")
    op.drop_column("batch", "retry_before")
    op.drop_column("batch", "thinned")
    op.drop_index("analysis_open", "analysis")
    for name, column in (
        ("analysis_status", "status"),
        ("analysis_finished", sa.text("coalesce(finished_at, 0)")),
        ("analysis_duration", sa.text("coalesce(processing_time_ms, -1)")),
    ):
        op.drop_index(name, "analysis")
        op.create_index(name, "analysis", ["workspace", column, "id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE event DROP CONSTRAINT event_pkey, ADD PRIMARY KEY (position)")
        op.create_index("event_order", "event", ["xid", "position"])
