"""The tables. Rows are what resolvers hand up and what the schema is a lens over.

Enums are kept by value, JSON as its text (it is written and read whole, and decoded by its own type),
instants as microseconds. Ids are text, compared byte by byte, and grow with time, so that inserts stay at
the right edge of every index.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import DDL, BigInteger, Column, ColumnElement, FetchedValue, Float, Index, Integer, Text, literal_column
from sqlalchemy.event import listen
from sqlmodel import Field, SQLModel

from store.columns import Instant, Key

# The workspace of batches that are being deleted: no viewer's.
NOWHERE = ""


class AnalysisStatus(StrEnum):
    """QUEUED → RUNNING → one of the four ends; RUNNING → QUEUED when it is tried again or given back."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    TIMED_OUT = "TIMED_OUT"

    @property
    def ended(self) -> bool:
        """Whether it moves no more by itself."""
        return self not in (AnalysisStatus.QUEUED, AnalysisStatus.RUNNING)


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


class AnalysisRow(SQLModel, table=True):
    """One piece of work and what came of it."""

    __tablename__ = "analysis"

    id: str = Field(sa_column=Column(Key, primary_key=True))
    workspace: str = Field(sa_column=Column(Key, nullable=False))
    batch_id: str | None = Field(default=None, sa_column=Column(Key))
    position: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    key: str | None = Field(default=None, sa_column=Column(Key))
    analyzer: str = Field(sa_column=Column(Key, nullable=False))
    status: str = Field(sa_column=Column(Key, nullable=False))
    priority: int = Field(sa_column=Column(Integer, nullable=False))
    # Its place among what waits at its priority: see `store.order`.
    turn: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    input_text: str | None = Field(default=None, sa_column=Column(Text))
    input_data: str | None = Field(default=None, sa_column=Column(Text))
    options: str = Field(sa_column=Column(Text, nullable=False))
    result: str | None = Field(default=None, sa_column=Column(Text))
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
    # A claim: a fresh lease for every one, so that a worker that comes back late writes over nothing.
    lease: str | None = Field(default=None, sa_column=Column(Key))
    lease_expires_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    worker_id: str | None = Field(default=None, sa_column=Column(Key))
    # A queued row that waits for its next try is not claimed until this is null again.
    not_before: datetime | None = Field(default=None, sa_column=Column(Instant))
    # CANCELED or TIMED_OUT: the end that was asked for while it runs. Its worker stops it and then records that end.
    stop_requested: str | None = Field(default=None, sa_column=Column(Key))
    # Since when it waited for its first try, noted when that is claimed: null before.
    queued_at: datetime | None = Field(default=None, sa_column=Column(Instant))


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
    # JSON, what `store.progress` makes of the ends so far; "[]" before the first.
    recent_ends: str = Field(default="[]", sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    updated_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    started_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    finished_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    progress_event_at: datetime | None = Field(default=None, sa_column=Column(Instant))


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


class WorkerRow(SQLModel, table=True):
    """A process that runs work: the server's own in embedded mode."""

    __tablename__ = "worker"

    id: str = Field(sa_column=Column(Key, primary_key=True))
    instance: str = Field(sa_column=Column(Key, nullable=False))
    host: str = Field(sa_column=Column(Key, nullable=False))
    pid: int = Field(sa_column=Column(Integer, nullable=False))
    # Tells the process from others of the same id: see `jobs.keeper`.
    process_start: str | None = Field(default=None, sa_column=Column(Key))
    started_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    last_seen_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    completed: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    failed: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    cpu_percent: float = Field(default=0)
    memory_mb: float = Field(default=0)
    slots: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    busy: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    # JSON: the names of the analyzers that it has.
    analyzers: str = Field(default="[]", sa_column=Column(Text, nullable=False))
    # JSON, ids: what ran in its slots at its last sign of life.
    current: str = Field(default="[]", sa_column=Column(Text, nullable=False))


class TimingRow(SQLModel, table=True):
    """What a worker counted of the analyses of one minute since 1970, as `store.timings` keeps it."""

    __tablename__ = "timing"

    worker_id: str = Field(sa_column=Column(Key, primary_key=True))
    minute: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    data: str = Field(sa_column=Column(Text, nullable=False))


class IdempotencyRow(SQLModel, table=True):
    """A key that a client gave with a mutation, the hash of what it said, and what it made."""

    __tablename__ = "idempotency"

    workspace: str = Field(sa_column=Column(Key, primary_key=True))
    key: str = Field(sa_column=Column(Key, primary_key=True))
    input_hash: str = Field(sa_column=Column(Key, nullable=False))
    subject_id: str = Field(sa_column=Column(Key, nullable=False))
    created_at: datetime = Field(sa_column=Column(Instant, nullable=False))


class ControlRow(SQLModel, table=True):
    """What an operator holds: one analyzer, or the queue as a whole under the empty name (`store.controls`)."""

    __tablename__ = "control"

    analyzer: str = Field(sa_column=Column(Key, primary_key=True))
    paused_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    slots: int | None = Field(default=None, sa_column=Column(Integer))


class CleanupRow(SQLModel, table=True):
    """The one row about clean-ups: who is at it, what the last one that ended did, and where the log begins."""

    __tablename__ = "cleanup"

    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    # A claim, as of an analysis: of many servers one cleans up, and stops where another took over.
    lease: str | None = Field(default=None, sa_column=Column(Key))
    lease_expires_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    started_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    finished_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    batches: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    analyses: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    events: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    # Everything behind this place of the log is kept, and nothing up to it.
    log_xid: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    log_position: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


class IdentityRow(SQLModel, table=True):
    """The one row that tells this database from every other: cursors say of which log they are."""

    __tablename__ = "identity"

    id: str = Field(sa_column=Column(Key, primary_key=True))


analysis = AnalysisRow.__table__  # type: ignore[attr-defined]
batch = BatchRow.__table__  # type: ignore[attr-defined]
event = EventRow.__table__  # type: ignore[attr-defined]
worker = WorkerRow.__table__  # type: ignore[attr-defined]
timing = TimingRow.__table__  # type: ignore[attr-defined]
idempotency = IdempotencyRow.__table__  # type: ignore[attr-defined]
control = ControlRow.__table__  # type: ignore[attr-defined]
cleanup = CleanupRow.__table__  # type: ignore[attr-defined]
identity = IdentityRow.__table__  # type: ignore[attr-defined]

# The conditions of the partial indexes. A statement that is to use one says the same to the letter, not by parameters.
queued: ColumnElement[bool] = literal_column("status = 'QUEUED' AND not_before IS NULL")
waiting: ColumnElement[bool] = literal_column("status = 'QUEUED' AND not_before IS NOT NULL")
alone: ColumnElement[bool] = literal_column("status = 'QUEUED' AND not_before IS NULL AND batch_id IS NULL")
running: ColumnElement[bool] = literal_column("status = 'RUNNING'")
unended: ColumnElement[bool] = literal_column("status IN ('QUEUED', 'RUNNING')")
# The same of an analysis, but for its column, which a claim leaves alone.
unfinished: ColumnElement[bool] = literal_column("finished_at IS NULL")
finished: ColumnElement[bool] = literal_column("finished_at IS NOT NULL")
# What never ran took no time.
duration: ColumnElement[float] = literal_column("coalesce(processing_time_ms, -1)", Float)

# The order of the queue, and nothing but what waits in it. The batch is there for claims to look past others' items.
_order = (analysis.c.analyzer, analysis.c.priority.desc(), analysis.c.turn, analysis.c.id)
Index("analysis_queue", *_order, analysis.c.batch_id, sqlite_where=queued, postgresql_where=queued)
Index("analysis_alone", *_order, sqlite_where=alone, postgresql_where=alone)
Index("analysis_waiting", analysis.c.not_before, sqlite_where=waiting, postgresql_where=waiting)
# By id and not by lease: an index on the lease makes the fenced update of a chunk quadratic.
Index("analysis_running", analysis.c.id, sqlite_where=running, postgresql_where=running)
Index("analysis_batch", analysis.c.batch_id, analysis.c.position)
Index("analysis_created", analysis.c.workspace, analysis.c.id)
Index("analysis_priority", analysis.c.workspace, analysis.c.priority, analysis.c.id)
# Of what has ended alone: on PostgreSQL each change of a status writes to every index that the row is in.
for _name, _column in (
    ("analysis_status", analysis.c.status),
    ("analysis_finished", analysis.c.finished_at),
    ("analysis_duration", duration),
):
    Index(_name, analysis.c.workspace, _column, analysis.c.id, sqlite_where=finished, postgresql_where=finished)
Index("analysis_open", analysis.c.workspace, analysis.c.id, sqlite_where=unfinished, postgresql_where=unfinished)
Index("batch_created", batch.c.workspace, batch.c.id)
Index("batch_open", batch.c.deadline_at, sqlite_where=unended, postgresql_where=unended)
# There the place is the key; on SQLite, a position that numbers itself has to be the whole of it.
_place_is_key = DDL("ALTER TABLE event DROP CONSTRAINT event_pkey, ADD PRIMARY KEY (xid, position)")  # type: ignore[no-untyped-call]
listen(event, "after_create", _place_is_key.execute_if(dialect="postgresql"))
Index("event_of_analysis", event.c.analysis_id, event.c.xid, event.c.position).ddl_if(dialect="postgresql")
Index("event_of_batch", event.c.batch_id, event.c.xid, event.c.position).ddl_if(dialect="postgresql")
# On SQLite the position is the key of the table's own order, and stands in each of its indexes.
Index("event_of_analysis", event.c.analysis_id).ddl_if(dialect="sqlite")
Index("event_of_batch", event.c.batch_id).ddl_if(dialect="sqlite")
