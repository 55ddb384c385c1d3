"""The event log."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import DDL, BigInteger, Column, FetchedValue, Index, Integer, Text
from sqlalchemy.event import listen
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class EventType(StrEnum):
    """What can happen to what."""

    ANALYSIS_QUEUED = "ANALYSIS_QUEUED"
    ANALYSIS_STARTED = "ANALYSIS_STARTED"
    ANALYSIS_PROGRESS = "ANALYSIS_PROGRESS"
    ANALYSIS_RETRYING = "ANALYSIS_RETRYING"
    ANALYSIS_COMPLETED = "ANALYSIS_COMPLETED"
    ANALYSIS_FAILED = "ANALYSIS_FAILED"
    ANALYSIS_CANCELED = "ANALYSIS_CANCELED"
    ANALYSIS_TIMED_OUT = "ANALYSIS_TIMED_OUT"
    BATCH_STARTED = "BATCH_STARTED"
    BATCH_PROGRESS = "BATCH_PROGRESS"
    BATCH_COMPLETED = "BATCH_COMPLETED"
    BATCH_CANCELED = "BATCH_CANCELED"
    BATCH_TIMED_OUT = "BATCH_TIMED_OUT"


class EventRow(SQLModel, table=True):
    """One line of the log. (`xid`, `position`) is its place in the order of all events.

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
    analysis_id: str | None = Field(default=None, sa_column=Column(Key))
    batch_id: str | None = Field(default=None, sa_column=Column(Key))
    occurred_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    data: str = Field(sa_column=Column(Text, nullable=False))


event = EventRow.__table__  # type: ignore[attr-defined]

# There the place is the key; on SQLite, a position that numbers itself has to be the whole of it.
_place_is_key = DDL("ALTER TABLE event DROP CONSTRAINT event_pkey, ADD PRIMARY KEY (xid, position)")  # type: ignore[no-untyped-call]
listen(event, "after_create", _place_is_key.execute_if(dialect="postgresql"))
Index("event_of_analysis", event.c.analysis_id, event.c.xid, event.c.position).ddl_if(dialect="postgresql")
Index("event_of_batch", event.c.batch_id, event.c.xid, event.c.position).ddl_if(dialect="postgresql")
# On SQLite the position is the key of the table's own order, and stands in each of its indexes.
Index("event_of_analysis", event.c.analysis_id).ddl_if(dialect="sqlite")
Index("event_of_batch", event.c.batch_id).ddl_if(dialect="sqlite")
