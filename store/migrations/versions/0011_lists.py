"""Fingerprints of errors and numbers of analyses by status, for present rows too, and indexes for lists.

The indexes find batches by their end, size and failures, errors by their group or batch, and items with a rejected
input.
"""

import re
from hashlib import blake2b

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

FINISHED, UNFINISHED = sa.text("finished_at IS NOT NULL"), sa.text("finished_at IS NULL")
REFUSED = sa.text("status = 'FAILED' AND attempt = 0")
FAILED = sa.text("error_fingerprint IS NOT NULL")
BATCH_INDEXES = (
    ("batch_total_items", "total_items", None),
    ("batch_failed", "failed", None),
    ("batch_finished", "finished_at", FINISHED),
    ("batch_unfinished", None, UNFINISHED),
)
ANALYSIS_INDEXES = (
    ("analysis_refused", ["batch_id"], REFUSED),
    ("analysis_error", ["workspace", "error_fingerprint", "id"], FAILED),
    ("analysis_batch_error", ["batch_id"], FAILED),
)

# The rules of `store.queue.fingerprints` at this revision.
DIFFERING = re.compile(
    r"""
    "[^"]*" | (?<!\w)'[^']*'(?!\w) | “[^”]*” | ‘[^’]*’ | «[^»]*»
    | \b[a-z][a-z0-9+.-]*://\S+
    | (?<![\w.])(?:[A-Za-z]:|~|\.{1,2})?(?:[/\\][\w.@+-]+)+[/\\]?
    | (?<![\w-])[\w-]*?\d(?:[\w-]|[.,:+](?=\w))*
    """,
    re.VERBOSE,
)
REPEATED = re.compile(r"…(?:[\s,;]*…)+")
ROWS = 5_000


def fingerprint_of(code: str, message: str | None) -> str:
    pattern = REPEATED.sub("…", DIFFERING.sub("…", message or ""))
    return blake2b(f"{code}\n{pattern}".encode("utf-8", "replace"), digest_size=8).hexdigest()


def upgrade() -> None:
    op.add_column("analysis", sa.Column("error_fingerprint", _key()))
    connection = op.get_bind()
    found = sa.text(
        "SELECT id, error_code, error_message FROM analysis "
        "WHERE id > :last AND error_code IS NOT NULL AND status IN ('FAILED', 'TIMED_OUT') ORDER BY id LIMIT :rows"
    )
    change = sa.text("UPDATE analysis SET error_fingerprint = :fingerprint WHERE id = :id")
    last = ""
    while rows := connection.execute(found, {"last": last, "rows": ROWS}).all():
        last = rows[-1].id
        values = [{"id": row.id, "fingerprint": fingerprint_of(row.error_code, row.error_message)} for row in rows]
        connection.execute(change, values)
    op.create_table(
        "status_count",
        sa.Column("workspace", _key(), primary_key=True),
        sa.Column("status", _key(), primary_key=True),
        sa.Column("writer", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
    )
    op.execute(
        "INSERT INTO status_count (workspace, status, writer, total) "
        "SELECT workspace, status, 0, count(*) FROM analysis GROUP BY workspace, status"
    )
    for name, columns, where in ANALYSIS_INDEXES:
        op.create_index(name, "analysis", columns, sqlite_where=where, postgresql_where=where)
    for name, column, where in BATCH_INDEXES:
        columns = ["workspace", *([column] if column else []), "id"]
        op.create_index(name, "batch", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name, _, _ in reversed(BATCH_INDEXES):
        op.drop_index(name, "batch")
    for name, _, _ in reversed(ANALYSIS_INDEXES):
        op.drop_index(name, "analysis")
    op.drop_table("status_count")
    op.drop_column("analysis", "error_fingerprint")


def _key() -> sa.Text:
    return sa.Text(collation="C") if op.get_bind().dialect.name == "postgresql" else sa.Text()
