"""Batches: rows, statuses, indexes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, Index, Integer, Text
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key
from store.tables.analyses import unended


class BatchStatus(StrEnum):
    """QUEUED → RUNNING → one of the three ends, when the last item has ended."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"
    TIMED_OUT = "TIMED_OUT"

    @property
    def ended(self) -> bool:
        """Whether every item has ended."""
        return self not in (BatchStatus.QUEUED, BatchStatus.RUNNING)


class BatchRow(SQLModel, table=True):
    """Many analyses in one. Its counters change together with its items, and add up to `total_items`."""

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
    # While its items still come in a stream: when that counts as broken off if nothing more is heard of it.
    open_until: datetime | None = Field(default=None, sa_column=Column(Instant))
    # Whether some of its items may have been deleted, which its counters still count.
    thinned: bool = Field(default=False)
    # CANCELED or TIMED_OUT: how it will have ended once the last item has.
    stop_requested: str | None = Field(default=None, sa_column=Column(Key))
    # Why, in a sentence, where nobody asked for it and its time was not up.
    stop_reason: str | None = Field(default=None, sa_column=Column(Text))
    # While more of it is to be queued again than one transaction does: what had ended by then, and the last turn given.
    retry_before: datetime | None = Field(default=None, sa_column=Column(Instant))
    retry_turn: int | None = Field(default=None, sa_column=Column(Integer))
    # JSON, what `store.queue.progress` makes of the ends so far; "[]" before the first.
    recent_ends: str = Field(default="[]", sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    updated_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    started_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    finished_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    progress_event_at: datetime | None = Field(default=None, sa_column=Column(Instant))


batch = BatchRow.__table__  # type: ignore[attr-defined]

Index("batch_created", batch.c.workspace, batch.c.id)
Index("batch_open", batch.c.deadline_at, sqlite_where=unended, postgresql_where=unended)
