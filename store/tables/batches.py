"""Batches: rows, statuses, indexes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, Index, Integer, Text
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key
from store.tables.analyses import unended


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
    started_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    finished_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    progress_event_at: datetime | None = Field(default=None, sa_column=Column(Instant))


batch = BatchRow.__table__  # type: ignore[attr-defined]

Index("batch_created", batch.c.workspace, batch.c.id)
Index("batch_open", batch.c.deadline_at, sqlite_where=unended, postgresql_where=unended)
