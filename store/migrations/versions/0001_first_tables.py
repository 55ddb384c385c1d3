"""Analyses, batches, the event log, workers, timings, idempotency keys, controls."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    key = sa.Text(collation="C") if postgresql else sa.Text()
    instant = sa.BigInteger()
    op.create_table(
        "analysis",
        sa.Column("id", key, primary_key=True),
        sa.Column("workspace", key, nullable=False),
        sa.Column("batch_id", key),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("key", key),
        sa.Column("analyzer", key, nullable=False),
        sa.Column("status", key, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("input_text", sa.Text()),
        sa.Column("input_data", sa.Text()),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("result", sa.Text()),
        sa.Column("error_code", key),
        sa.Column("error_message", sa.Text()),
        sa.Column("error_retryable", sa.Boolean()),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("progress_step", sa.Text()),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("timeout_seconds", sa.Integer(), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("updated_at", instant, nullable=False),
        sa.Column("started_at", instant),
        sa.Column("finished_at", instant),
        sa.Column("processing_time_ms", sa.Float()),
        sa.Column("lease", key),
        sa.Column("lease_expires_at", instant),
        sa.Column("worker_id", key),
        sa.Column("not_before", instant),
        sa.Column("stop_requested", key),
        sa.Column("queued_at", instant),
    )
    op.create_table(
        "batch",
        sa.Column("id", key, primary_key=True),
        sa.Column("workspace", key, nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("status", key, nullable=False),
        sa.Column("total_items", sa.Integer(), nullable=False),
        sa.Column("queued", sa.Integer(), nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("processed", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("canceled", sa.Integer(), nullable=False),
        sa.Column("timed_out", sa.Integer(), nullable=False),
        sa.Column("timeout_seconds", sa.Integer(), nullable=False),
        sa.Column("deadline_at", instant, nullable=False),
        sa.Column("open_until", instant),
        sa.Column("stop_requested", key),
        sa.Column("stop_reason", sa.Text()),
        sa.Column("recent_ends", sa.Text(), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("updated_at", instant, nullable=False),
        sa.Column("started_at", instant),
        sa.Column("finished_at", instant),
        sa.Column("progress_event_at", instant),
    )
    # The transaction that wrote an event, so that readers can leave out what is not yet in order (see EventRow).
    xid = sa.text("(pg_current_xact_id()::text::bigint)" if postgresql else "0")
    op.create_table(
        "event",
        sa.Column(
            "position",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("xid", sa.BigInteger(), nullable=False, server_default=xid),
        sa.Column("workspace", key, nullable=False),
        sa.Column("type", key, nullable=False),
        sa.Column("analysis_id", key),
        sa.Column("batch_id", key),
        sa.Column("occurred_at", instant, nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "worker",
        sa.Column("id", key, primary_key=True),
        sa.Column("instance", key, nullable=False),
        sa.Column("host", key, nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_start", key),
        sa.Column("started_at", instant, nullable=False),
        sa.Column("last_seen_at", instant, nullable=False),
        sa.Column("completed", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("cpu_percent", sa.Float(), nullable=False),
        sa.Column("memory_mb", sa.Float(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("busy", sa.Integer(), nullable=False),
        sa.Column("current", sa.Text(), nullable=False),
    )
    op.create_table(
        "timing",
        sa.Column("worker_id", key, primary_key=True),
        sa.Column("minute", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("data", sa.Text(), nullable=False),
    )
    op.execute("INSERT INTO timing (worker_id, minute, data) VALUES ('', 0, '{}')")
    op.create_table(
        "idempotency",
        sa.Column("workspace", key, primary_key=True),
        sa.Column("key", key, primary_key=True),
        sa.Column("input_hash", key, nullable=False),
        sa.Column("subject_id", key, nullable=False),
        sa.Column("created_at", instant, nullable=False),
    )
    op.create_table(
        "control",
        sa.Column("analyzer", key, primary_key=True),
        sa.Column("paused_at", instant),
        sa.Column("slots", sa.Integer()),
    )
    op.create_table(
        "cleanup",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("lease", key),
        sa.Column("lease_expires_at", instant),
        sa.Column("started_at", instant),
        sa.Column("finished_at", instant),
        sa.Column("batches", sa.BigInteger(), nullable=False),
        sa.Column("analyses", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("log_xid", sa.BigInteger(), nullable=False),
        sa.Column("log_position", sa.BigInteger(), nullable=False),
    )

    def index(name: str, table: str, columns: list, where: str | None = None) -> None:
        condition = None if where is None else sa.text(where)
        op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)

    order = ["analyzer", sa.text("priority DESC"), "turn", "id"]
    queued = "status = 'QUEUED' AND not_before IS NULL"
    index("analysis_queue", "analysis", [*order, "batch_id"], queued)
    index("analysis_alone", "analysis", order, f"{queued} AND batch_id IS NULL")
    index("analysis_waiting", "analysis", ["not_before"], "status = 'QUEUED' AND not_before IS NOT NULL")
    index("analysis_running", "analysis", ["id"], "status = 'RUNNING'")
    index("analysis_batch", "analysis", ["batch_id", "position"])
    index("analysis_created", "analysis", ["workspace", "id"])
    index("analysis_status", "analysis", ["workspace", "status", "id"])
    index("analysis_finished", "analysis", ["workspace", sa.text("coalesce(finished_at, 0)"), "id"])
    index("analysis_duration", "analysis", ["workspace", sa.text("coalesce(processing_time_ms, -1)"), "id"])
    index("analysis_priority", "analysis", ["workspace", "priority", "id"])
    index("batch_created", "batch", ["workspace", "id"])
    index("batch_open", "batch", ["deadline_at"], "status IN ('QUEUED', 'RUNNING')")
    place = [] if op.get_bind().dialect.name == "sqlite" else ["xid", "position"]
    if place:
        index("event_order", "event", place)
    index("event_of_analysis", "event", ["analysis_id", *place])
    index("event_of_batch", "event", ["batch_id", *place])


def downgrade() -> None:
    for table in ("cleanup", "control", "timing", "idempotency", "worker", "event", "batch", "analysis"):
        op.drop_table(table)
