"""Analyses: rows, statuses, indexes for lists and for the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

from sqlalchemy import Column, ColumnElement, Float, Index, Integer, SmallInteger, Text, case, func, literal_column
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key, octet_length


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
    ANALYSIS_DELETED = "ANALYSIS_DELETED"


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
    # The group of the error: see `store.queue.fingerprints`. Null without an error, and for a cancel.
    error_fingerprint: str | None = Field(default=None, sa_column=Column(Key))
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
    # The worker of the last attempt; null while the row is queued.
    worker_id: str | None = Field(default=None, sa_column=Column(Key))
    # The pause before the next attempt: a queued row is not claimed until the keeper sets this to null.
    not_before: datetime | None = Field(default=None, sa_column=Column(Instant))
    # CANCELED or TIMED_OUT: the requested end of a running row. The worker stops the analysis, then records this end.
    stop_requested: str | None = Field(default=None, sa_column=Column(Key))
    # JSON: the attempts before the last one (`store.queue.attempts`). Null without any.
    attempts: str | None = Field(default=None, sa_column=Column(Text))
    # The start of the wait for the first attempt. Its claim sets the column; null before.
    queued_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    # Sizes in bytes of UTF-8: of the input (text or data), of the options, and of the result. Null without the content,
    # and in rows that a program of an earlier release wrote.
    input_bytes: int | None = Field(default=None, sa_column=Column(Integer))
    options_bytes: int | None = Field(default=None, sa_column=Column(Integer))
    result_bytes: int | None = Field(default=None, sa_column=Column(Integer))


analysis = AnalysisRow.__table__  # type: ignore[attr-defined]

# Largest content, in bytes, that is read with its row: a page of usual results takes one statement, and a page of 1,000
# rows has at most 12 MiB of contents.
INLINE_BYTES = 4_096

_column = analysis.c
sizes: Mapping[str, ColumnElement[int]] = {
    "input_bytes": func.coalesce(
        _column.input_bytes, octet_length(_column.input_text), octet_length(_column.input_data), literal_column("0")
    ),
    "options_bytes": func.coalesce(_column.options_bytes, octet_length(_column.options)),
    "result_bytes": func.coalesce(_column.result_bytes, octet_length(_column.result), literal_column("0")),
}


def _if_small(content: ColumnElement[str], size: ColumnElement[int]) -> ColumnElement[str]:
    small = size <= literal_column(str(INLINE_BYTES))
    return case((small, content), (content.is_not(None), literal_column("''")))


_shown: Mapping[str, ColumnElement[Any]] = {
    "input_text": _if_small(_column.input_text, sizes["input_bytes"]),
    "input_data": _if_small(_column.input_data, sizes["input_bytes"]),
    "options": _if_small(_column.options, sizes["options_bytes"]),
    "result": _if_small(_column.result, sizes["result_bytes"]),
    **sizes,
}
# The columns for clients. A content above INLINE_BYTES is an empty text; its size tells it from an empty content.
# Earlier attempts are read by themselves, for few clients.
shown: Sequence[ColumnElement[Any]] = [
    _shown[column.name].label(column.name) if column.name in _shown else column
    for column in _column
    if column.name != "attempts"
]

# In each row for clients. The cache of answers depends on the status (`resolvers.context.Context.report`).
_ALWAYS = {"id", "workspace", "status"}


def shown_of(columns: frozenset[str] | None) -> Sequence[ColumnElement[Any]]:
    """Return these columns for clients, and the ids. All columns if None."""
    return shown if columns is None else [each for each in shown if each.name in columns | _ALWAYS]


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
# FAILED and TIMED_OUT analyses.
failed: ColumnElement[bool] = literal_column("error_fingerprint IS NOT NULL")
# Items with a rejected input. Every other failure comes after a first attempt.
refused: ColumnElement[bool] = literal_column("status = 'FAILED' AND attempt = 0")
keyed: ColumnElement[bool] = literal_column("key IS NOT NULL")
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
Index("analysis_refused", analysis.c.batch_id, sqlite_where=refused, postgresql_where=refused)
Index(
    "analysis_error",
    analysis.c.workspace,
    analysis.c.error_fingerprint,
    analysis.c.id,
    sqlite_where=failed,
    postgresql_where=failed,
)
Index("analysis_batch_error", analysis.c.batch_id, sqlite_where=failed, postgresql_where=failed)
Index("analysis_key", analysis.c.workspace, analysis.c.key, analysis.c.id, sqlite_where=keyed, postgresql_where=keyed)
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
