"""Add the tags of results as rows, and an index of keys, for the filter of analyses. Present results get their tags."""

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# Rows of one read, each with a result of up to some megabytes.
ROWS = 500
# The bounds of `store.queue.tags` at this revision.
MOST_TAGS, MOST_CHARACTERS = 100, 200
KEYED = sa.text("key IS NOT NULL")


def upgrade() -> None:
    key = sa.Text(collation="C") if op.get_bind().dialect.name == "postgresql" else sa.Text()
    op.create_table(
        "analysis_tag",
        *(sa.Column(name, key, primary_key=True) for name in ("workspace", "tag", "analysis_id")),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    found = sa.text(
        "SELECT id, workspace, result FROM analysis "
        "WHERE id > :last AND status = 'COMPLETED' AND result IS NOT NULL ORDER BY id LIMIT :rows"
    )
    insert = sa.text("INSERT INTO analysis_tag (workspace, tag, analysis_id) VALUES (:workspace, :tag, :id)")
    last = ""
    while rows := connection.execute(found, {"last": last, "rows": ROWS}).all():
        last = rows[-1].id
        tags = [{"workspace": row.workspace, "tag": tag, "id": row.id} for row in rows for tag in tags_of(row.result)]
        if tags:
            connection.execute(insert, tags)
    op.create_index("analysis_tag_analysis", "analysis_tag", ["analysis_id"])
    if connection.dialect.name == "postgresql":  # before that, a list in another order than that of ids would sort all
        op.execute("ANALYZE analysis_tag")
    columns = ["workspace", "key", "id"]
    op.create_index("analysis_key", "analysis", columns, sqlite_where=KEYED, postgresql_where=KEYED)


def downgrade() -> None:
    op.drop_index("analysis_key", "analysis")
    op.drop_table("analysis_tag")


def tags_of(result: str) -> list[str]:
    try:
        tags = orjson.loads(result)["tags"][:MOST_TAGS]
    except (ValueError, LookupError, TypeError):
        return []
    texts = (tag for tag in tags if isinstance(tag, str) and len(tag) <= MOST_CHARACTERS and "\0" not in tag)
    return list(dict.fromkeys(texts))
