"""The tables, one file per subject.

Enums are stored by value, JSON as text (a row's own type decodes it as a whole), instants as microseconds since 1970.
Ids are text, compared byte by byte. Ids grow with time: inserts stay at the right edge of every index.
"""

from __future__ import annotations

from store.sql.viewer import Role
from store.tables.access_changes import AccessChangeRow, access_change
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
from store.tables.api_keys import ApiKeyRow, api_key
from store.tables.audit import AuditAction, AuditActorKind, AuditOutcome, AuditRow, audit
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
from store.tables.invitations import InvitationRow, invitation
from store.tables.memberships import MembershipRow, membership
from store.tables.retention import CleanupRow, cleanup
from store.tables.sign_ins import RefreshRow, SignInRow, refresh, signin
from store.tables.status_counts import StatusCountRow, status_count
from store.tables.tags import AnalysisTagRow, analysis_tag
from store.tables.users import UserRow, user
from store.tables.workers import TimingRow, WorkerRow, timing, worker
from store.tables.workspaces import WorkspaceRow, workspace

# The workspace of batches in deletion: no viewer reads it.
NOWHERE = ""

__all__ = [
    "INLINE_BYTES",
    "NOWHERE",
    "AccessChangeRow",
    "AlertEventType",
    "AlertRow",
    "AnalysisEventType",
    "AnalysisRow",
    "AnalysisStatus",
    "AnalysisTagRow",
    "ApiKeyRow",
    "AuditAction",
    "AuditActorKind",
    "AuditOutcome",
    "AuditRow",
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
    "InvitationRow",
    "KeeperRow",
    "MembershipRow",
    "QueueEventType",
    "RefreshRow",
    "Role",
    "SignInRow",
    "StatusCountRow",
    "TimingRow",
    "UserRow",
    "WorkerRow",
    "WorkspaceRow",
    "access_change",
    "alert",
    "alone",
    "analysis",
    "analysis_tag",
    "api_key",
    "audit",
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
    "invitation",
    "keeper",
    "membership",
    "queued",
    "refresh",
    "refused",
    "run_time",
    "running",
    "shown",
    "shown_of",
    "signin",
    "sizes",
    "status_count",
    "timing",
    "unended",
    "unfinished",
    "user",
    "waiting",
    "worker",
    "workspace",
]
