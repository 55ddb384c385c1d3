"""Give each event its subject and its references.

`analysis_id` becomes `subject`: the id of the object of the event. Events of batches get their batch as subject; they
have it in `batch_id` as before. The references to sessions, files and owners are new, and empty.

A large log is not copied. Renamed and added columns change no row, and the events of batches, a small part of the log,
are found by the index. SQLite builds that index again, because it can't rename one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

REFERENCES = ("session_id", "file_id", "owner_id")


def upgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    key = sa.Text(collation="C") if postgresql else sa.Text()
    op.execute("ALTER TABLE event RENAME COLUMN analysis_id TO subject")
    op.execute("UPDATE event SET subject = batch_id WHERE subject IS NULL")
    if postgresql:
        op.execute("ALTER INDEX event_of_analysis RENAME TO event_of_subject")
    else:
        op.drop_index("event_of_analysis", "event")
        op.create_index("event_of_subject", "event", ["subject"])
    for name in REFERENCES:
        op.add_column("event", sa.Column(name, key))


def downgrade() -> None:
    for name in REFERENCES:
        op.drop_column("event", name)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX event_of_subject RENAME TO event_of_analysis")
    else:
        op.drop_index("event_of_subject", "event")
        op.create_index("event_of_analysis", "event", ["subject"])
    op.execute("UPDATE event SET subject = NULL WHERE subject = batch_id")
    op.execute("ALTER TABLE event RENAME COLUMN subject TO analysis_id")
