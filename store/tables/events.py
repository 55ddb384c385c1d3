"""The event log."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DDL, BigInteger, Column, FetchedValue, Index, Integer, Text
from sqlalchemy.event import listen
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class EventRow(SQLModel, table=True):
    """One event. (`xid`, `position`) is its place in the order of all events.

    `subject` is the id of the object of the event; the prefix of the id is its kind. The references are ids of objects
    that the event belongs to as well: an event of an item has its batch in `batch_id`, and so has an event of the batch
    itself, so that one index finds the events of a batch and its items.

    On SQLite there is one writer, so `position` alone is the commit order and `xid` is 0. On PostgreSQL positions
    of concurrent transactions become visible out of order: `xid` is the transaction that wrote the row, and readers
    look only at transactions below the oldest of this database that is still open (`store.events.shown`).
    """

    __tablename__ = "event"
    __table_args__ = {"sqlite_autoincrement": True}

    position: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    xid: int = Field(default=None, sa_column=Column(BigInteger, nullable=False, server_default=FetchedValue()))
    workspace: str = Field(sa_column=Column(Key, nullable=False))
    type: str = Field(sa_column=Column(Key, nullable=False))
    # Every event has a subject. SQLite can add the constraint only with a copy of the whole log, so no database has it.
    subject: str = Field(sa_column=Column(Key))
    batch_id: str | None = Field(default=None, sa_column=Column(Key))
    session_id: str | None = Field(default=None, sa_column=Column(Key))
    file_id: str | None = Field(default=None, sa_column=Column(Key))
    # A conversation or an ingest.
    owner_id: str | None = Field(default=None, sa_column=Column(Key))
    # Of an analysis, its analyzer. Null in events of other subjects, and of earlier releases.
    analyzer: str | None = Field(default=None, sa_column=Column(Key))
    occurred_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    data: str = Field(sa_column=Column(Text, nullable=False))


event = EventRow.__table__  # type: ignore[attr-defined]

# PostgreSQL's key is the place. On SQLite, a column that numbers itself has to be the whole key.
_place_is_key = DDL("ALTER TABLE event DROP CONSTRAINT event_pkey, ADD PRIMARY KEY (xid, position)")  # type: ignore[no-untyped-call]
listen(event, "after_create", _place_is_key.execute_if(dialect="postgresql"))
# Only the columns that readers select by have an index: each index costs every event a write.
for _name, _column in (("event_of_subject", event.c.subject), ("event_of_batch", event.c.batch_id)):
    Index(_name, _column, event.c.xid, event.c.position).ddl_if(dialect="postgresql")
    # SQLite stores the position, its table's key, in every index.
    Index(_name, _column).ddl_if(dialect="sqlite")
