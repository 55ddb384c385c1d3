"""The tables, one file per subject.

Enums are stored by value, JSON as text (a row's own type decodes it as a whole), instants as microseconds since 1970.
Ids are text, compared byte by byte. Ids grow with time: inserts stay at the right edge of every index.
"""

from __future__ import annotations

from store.tables.analyses import (
    AnalysisEventType,
    AnalysisRow,
    AnalysisStatus,
    Form,
    alone,
    analysis,
    duration,
    finished,
    queued,
    running,
    unended,
    unfinished,
    waiting,
)
from store.tables.batches import BatchEventType, BatchRow, BatchStatus, batch
from store.tables.controls import ControlRow, control
from store.tables.events import EventRow, event
from store.tables.idempotency import IdempotencyRow, idempotency
from store.tables.identity import IdentityRow, identity
from store.tables.retention import CleanupRow, cleanup
from store.tables.workers import TimingRow, WorkerRow, timing, worker

# The workspace of batches in deletion: no viewer reads it.
NOWHERE = ""

__all__ = [
    "NOWHERE",
    "AnalysisEventType",
    "AnalysisRow",
    "AnalysisStatus",
    "BatchEventType",
    "BatchRow",
    "BatchStatus",
    "CleanupRow",
    "ControlRow",
    "EventRow",
    "Form",
    "IdempotencyRow",
    "IdentityRow",
    "TimingRow",
    "WorkerRow",
    "alone",
    "analysis",
    "batch",
    "cleanup",
    "control",
    "duration",
    "event",
    "finished",
    "idempotency",
    "identity",
    "queued",
    "running",
    "timing",
    "unended",
    "unfinished",
    "waiting",
    "worker",
]
