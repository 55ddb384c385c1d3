"""The tables, one file per subject.

Enums are stored by value, JSON as text (a row's own type decodes it as a whole), instants as microseconds since 1970.
Ids are text, compared byte by byte. Ids grow with time: inserts stay at the right edge of every index.
"""

from __future__ import annotations

from store.tables.alerts import AlertEventType, AlertRow, HealthStatus, KeeperRow, alert, keeper
from store.tables.analyses import (
    INLINE_BYTES,
    AnalysisEventType,
    AnalysisRow,
    AnalysisStatus,
    Form,
    alone,
    analysis,
    duration,
    failed,
    finished,
    queued,
    refused,
    running,
    shown,
    shown_of,
    sizes,
    unended,
    unfinished,
    waiting,
)
from store.tables.batches import BatchEventType, BatchRow, BatchStatus, batch, run_time
from store.tables.bulk_actions import (
    BulkActionEventType,
    BulkActionItemRow,
    BulkActionKind,
    BulkActionRow,
    BulkActionStatus,
    bulk_action,
    bulk_action_item,
)
from store.tables.controls import ControlRow, QueueEventType, control
from store.tables.events import EventRow, event
from store.tables.history import HistoryRow, history
from store.tables.idempotency import IdempotencyRow, idempotency
from store.tables.identity import IdentityRow, identity
from store.tables.retention import CleanupRow, cleanup
from store.tables.status_counts import StatusCountRow, status_count
from store.tables.workers import TimingRow, WorkerRow, timing, worker

# The workspace of batches in deletion: no viewer reads it.
NOWHERE = ""

__all__ = [
    "INLINE_BYTES",
    "NOWHERE",
    "AlertEventType",
    "AlertRow",
    "AnalysisEventType",
    "AnalysisRow",
    "AnalysisStatus",
    "BatchEventType",
    "BatchRow",
    "BatchStatus",
    "BulkActionEventType",
    "BulkActionItemRow",
    "BulkActionKind",
    "BulkActionRow",
    "BulkActionStatus",
    "CleanupRow",
    "ControlRow",
    "EventRow",
    "Form",
    "HealthStatus",
    "HistoryRow",
    "IdempotencyRow",
    "IdentityRow",
    "KeeperRow",
    "QueueEventType",
    "StatusCountRow",
    "TimingRow",
    "WorkerRow",
    "alert",
    "alone",
    "analysis",
    "batch",
    "bulk_action",
    "bulk_action_item",
    "cleanup",
    "control",
    "duration",
    "event",
    "failed",
    "finished",
    "history",
    "idempotency",
    "identity",
    "keeper",
    "queued",
    "refused",
    "run_time",
    "running",
    "shown",
    "shown_of",
    "sizes",
    "status_count",
    "timing",
    "unended",
    "unfinished",
    "waiting",
    "worker",
]
