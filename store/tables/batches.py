"""Batches: rows, statuses, indexes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Column, ColumnElement, Index, Integer, Text, literal_column
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key
from store.tables.analyses import finished, unended, unfinished


class BatchStatus(StrEnum):
    """QUEUED → RUNNING → one of the three ends, at the end of the last item."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"
    TIMED_OUT = "TIMED_OUT"

    @property
    def ended(self) -> bool:
        """Whether every item has ended."""
        return self not in (BatchStatus.QUEUED, BatchStatus.RUNNING)


class BatchEventType(StrEnum):
    """The types of a batch's events."""

    BATCH_STARTED = "BATCH_STARTED"
    BATCH_PROGRESS = "BATCH_PROGRESS"
    BATCH_COMPLETED = "BATCH_COMPLETED"
    BATCH_CANCELED = "BATCH_CANCELED"
    BATCH_TIMED_OUT = "BATCH_TIMED_OUT"
    BATCH_DELETED = "BATCH_DELETED"


class BatchRow(SQLModel, table=True):
    """A batch of analyses. Its counters change in the transactions of its items, and add up to `total_items`."""

    __tablename__ = "batch"

    id: str = Field(sa_column=Column(Key, primary_key=True))
    workspace: str = Field(sa_column=Column(Key, nullable=False))
    name: str | None = Field(default=None, sa_column=Column(Text))
    status: str = Field(sa_column=Column(Key, nullable=False))
    total_items: int = Field(sa_column=Column(Integer, nullable=False))
    queued: int = Field(sa_column=Column(Integer, nullable=False))
    running: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    processed: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    failed: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    canceled: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    timed_out: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    timeout_seconds: int = Field(sa_column=Column(Integer, nullable=False))
    deadline_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    # Only while a stream of items is open: the time at which a silent stream counts as broken.
    open_until: datetime | None = Field(default=None, sa_column=Column(Instant))
    # Whether items may have been deleted. The counters still include them.
    thinned: bool = Field(default=False)
    # CANCELED or TIMED_OUT: the requested status after the end of the last item.
    stop_requested: str | None = Field(default=None, sa_column=Column(Key))
    # A sentence with the reason of a stop that is neither a request nor a timeout.
    stop_reason: str | None = Field(default=None, sa_column=Column(Text))
    # Only during a retry of more items than one transaction holds: items that ended before this time are queued again.
    retry_before: datetime | None = Field(default=None, sa_column=Column(Instant))
    # The last turn given by that retry.
    retry_turn: int | None = Field(default=None, sa_column=Column(Integer))
    # JSON: the weighted mean of `store.queue.progress` over the ended items; "[]" before the first end.
    recent_ends: str = Field(default="[]", sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    updated_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    # The start of the first item in the first run. A retry of an ended batch begins another run.
    started_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    last_retried_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    # The end of the last run, from a retry to the start of the next run.
    last_end_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    # Microseconds between the ends of runs and the starts of the next ones.
    idle_time: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    finished_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    progress_event_at: datetime | None = Field(default=None, sa_column=Column(Instant))


batch = BatchRow.__table__  # type: ignore[attr-defined]

# Microseconds in which an ended batch ran: the durations of its runs add up. A clock set back gives 0.
run_time: ColumnElement[int] = literal_column(
    "CASE WHEN finished_at - started_at > idle_time THEN finished_at - started_at - idle_time ELSE 0 END", BigInteger
)

Index("batch_created", batch.c.workspace, batch.c.id)
Index("batch_open", batch.c.deadline_at, sqlite_where=unended, postgresql_where=unended)
Index("batch_total_items", batch.c.workspace, batch.c.total_items, batch.c.id)
Index("batch_failed", batch.c.workspace, batch.c.failed, batch.c.id)
_by_end = (batch.c.workspace, batch.c.finished_at, batch.c.id)
Index("batch_finished", *_by_end, sqlite_where=finished, postgresql_where=finished)
Index("batch_unfinished", batch.c.workspace, batch.c.id, sqlite_where=unfinished, postgresql_where=unfinished)
