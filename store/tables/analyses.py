"""Analyses: rows, statuses, indexes for lists and for the queue."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum, StrEnum

from sqlalchemy import Column, ColumnElement, Float, Index, Integer, SmallInteger, Text, literal_column
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class AnalysisStatus(StrEnum):
    """QUEUED → RUNNING → one of the four ends; RUNNING → QUEUED before a retry and when a worker gives the row back."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    TIMED_OUT = "TIMED_OUT"

    @property
    def ended(self) -> bool:
        """Whether the status is final; only a requested retry changes it."""
        return self not in (AnalysisStatus.QUEUED, AnalysisStatus.RUNNING)


class AnalysisEventType(StrEnum):
    """The types of an analysis's events."""

    ANALYSIS_QUEUED = "ANALYSIS_QUEUED"
    ANALYSIS_STARTED = "ANALYSIS_STARTED"
    ANALYSIS_PROGRESS = "ANALYSIS_PROGRESS"
    ANALYSIS_RETRYING = "ANALYSIS_RETRYING"
    ANALYSIS_COMPLETED = "ANALYSIS_COMPLETED"
    ANALYSIS_FAILED = "ANALYSIS_FAILED"
    ANALYSIS_CANCELED = "ANALYSIS_CANCELED"
    ANALYSIS_TIMED_OUT = "ANALYSIS_TIMED_OUT"


class Form(IntEnum):
    """The names in stored JSON: those of the analyzer's models (in snake_case), or those that clients read.

    Revision 0007 and later write CLIENT alone; rows written before are not rewritten.
    """

    MODEL = 0
    CLIENT = 1


class AnalysisRow(SQLModel, table=True):
    """One analysis: request, state and outcome."""

    __tablename__ = "analysis"

    id: str = Field(sa_column=Column(Key, primary_key=True))
    workspace: str = Field(sa_column=Column(Key, nullable=False))
    batch_id: str | None = Field(default=None, sa_column=Column(Key))
    position: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    key: str | None = Field(default=None, sa_column=Column(Key))
    analyzer: str = Field(sa_column=Column(Key, nullable=False))
    status: str = Field(sa_column=Column(Key, nullable=False))
    priority: int = Field(sa_column=Column(Integer, nullable=False))
    # Virtual time of the row in its lane of the queue: see `store.queue.fairness`.
    turn: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    input_text: str | None = Field(default=None, sa_column=Column(Text))
    input_data: str | None = Field(default=None, sa_column=Column(Text))
    options: str = Field(sa_column=Column(Text, nullable=False))
    # The Form of options and input data, and that of the result: a row may be queued by one release and run by another.
    input_form: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    result: str | None = Field(default=None, sa_column=Column(Text))
    result_form: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    error_code: str | None = Field(default=None, sa_column=Column(Key))
    error_message: str | None = Field(default=None, sa_column=Column(Text))
    error_retryable: bool | None = Field(default=None)
    progress: float = Field(default=0)
    progress_step: str | None = Field(default=None, sa_column=Column(Text))
    attempt: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    max_attempts: int = Field(sa_column=Column(Integer, nullable=False))
    timeout_seconds: int = Field(sa_column=Column(Integer, nullable=False))
    created_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    updated_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    started_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    finished_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    processing_time_ms: float | None = Field(default=None)
    # A new lease for each claim. It fences writes: a worker whose claim was taken over changes nothing.
    lease: str | None = Field(default=None, sa_column=Column(Key))
    lease_expires_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    worker_id: str | None = Field(default=None, sa_column=Column(Key))
    # The pause before the next attempt: a queued row is not claimed until the keeper sets this to null.
    not_before: datetime | None = Field(default=None, sa_column=Column(Instant))
    # CANCELED or TIMED_OUT: the requested end of a running row. The worker stops the analysis, then records this end.
    stop_requested: str | None = Field(default=None, sa_column=Column(Key))
    # The start of the wait for the first attempt. Its claim sets the column; null before.
    queued_at: datetime | None = Field(default=None, sa_column=Column(Instant))


analysis = AnalysisRow.__table__  # type: ignore[attr-defined]

# The conditions of the partial indexes. A statement uses an index only if its condition has the same text, without
# parameters.
queued: ColumnElement[bool] = literal_column("status = 'QUEUED' AND not_before IS NULL")
waiting: ColumnElement[bool] = literal_column("status = 'QUEUED' AND not_before IS NOT NULL")
alone: ColumnElement[bool] = literal_column("status = 'QUEUED' AND not_before IS NULL AND batch_id IS NULL")
running: ColumnElement[bool] = literal_column("status = 'RUNNING'")
unended: ColumnElement[bool] = literal_column("status IN ('QUEUED', 'RUNNING')")
# Selects the same rows as `unended`, by a column that claims do not change: they need not update this index.
unfinished: ColumnElement[bool] = literal_column("finished_at IS NULL")
finished: ColumnElement[bool] = literal_column("finished_at IS NOT NULL")
# An analysis that never ran sorts below every duration.
duration: ColumnElement[float] = literal_column("coalesce(processing_time_ms, -1)", Float)

# The order of the queue, over queued rows only. The index holds the batch, so that a claim skips items of other batches
# without reading their rows.
_order = (analysis.c.analyzer, analysis.c.priority.desc(), analysis.c.turn, analysis.c.id)
Index("analysis_queue", *_order, analysis.c.batch_id, sqlite_where=queued, postgresql_where=queued)
Index("analysis_alone", *_order, sqlite_where=alone, postgresql_where=alone)
Index("analysis_waiting", analysis.c.not_before, sqlite_where=waiting, postgresql_where=waiting)
# By id: with an index on the lease, the fenced update of a chunk takes quadratic time.
Index("analysis_running", analysis.c.id, sqlite_where=running, postgresql_where=running)
Index("analysis_batch", analysis.c.batch_id, analysis.c.position)
Index("analysis_created", analysis.c.workspace, analysis.c.id)
Index("analysis_priority", analysis.c.workspace, analysis.c.priority, analysis.c.id)
# Ended rows only: on PostgreSQL each change of a status writes to all indexes that contain the row.
for _name, _column in (
    ("analysis_status", analysis.c.status),
    ("analysis_finished", analysis.c.finished_at),
    ("analysis_duration", duration),
):
    Index(_name, analysis.c.workspace, _column, analysis.c.id, sqlite_where=finished, postgresql_where=finished)
Index("analysis_open", analysis.c.workspace, analysis.c.id, sqlite_where=unfinished, postgresql_where=unfinished)
