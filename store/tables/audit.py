"""The audit log."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Column, Index, Integer, Text
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class AuditActorKind(StrEnum):
    """Kinds of actors."""

    USER = "USER"
    API_KEY = "API_KEY"
    COMMAND_LINE = "COMMAND_LINE"
    SYSTEM = "SYSTEM"
    ANONYMOUS = "ANONYMOUS"


class AuditOutcome(StrEnum):
    """Whether the action was carried out or refused."""

    DONE = "DONE"
    REFUSED = "REFUSED"


class AuditAction(StrEnum):
    """All audited actions: a noun and a past participle. The log has no other names."""

    USER_SIGNED_IN = "user.signed_in"
    # A wrong name or password.
    USER_SIGN_IN_FAILED = "user.sign_in_failed"
    USER_SIGNED_OUT = "user.signed_out"
    USER_CREATED = "user.created"
    USER_UPDATED = "user.updated"
    # An external user's first token.
    USER_SIGNED_UP = "user.signed_up"
    SIGN_IN_THROTTLED = "signin.throttled"
    # A second use of a refresh token, which ended its session.
    SESSION_REUSED = "session.reused"
    SESSION_REVOKED = "session.revoked"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - a name
    INVITATION_CREATED = "invitation.created"
    INVITATION_ACCEPTED = "invitation.accepted"
    WORKSPACE_CREATED = "workspace.created"
    WORKSPACE_DELETED = "workspace.deleted"
    # An administrator acted in a workspace without a membership there.
    WORKSPACE_ENTERED = "workspace.entered"
    MEMBERSHIP_SET = "membership.set"
    MEMBERSHIP_REMOVED = "membership.removed"
    APIKEY_CREATED = "apikey.created"
    APIKEY_REVOKED = "apikey.revoked"
    # A call without the required role.
    ACCESS_REFUSED = "access.refused"
    ANALYSIS_CANCELED = "analysis.canceled"
    ANALYSIS_DELETED = "analysis.deleted"
    BATCH_CANCELED = "batch.canceled"
    BATCH_DELETED = "batch.deleted"
    BULK_ACTION_STARTED = "bulk_action.started"
    BULK_ACTION_STOPPED = "bulk_action.stopped"
    QUEUE_PAUSED = "queue.paused"
    QUEUE_RESUMED = "queue.resumed"
    CONCURRENCY_SET = "concurrency.set"
    RETENTION_APPLIED = "retention.applied"
    AUDIT_EXPORTED = "audit.exported"


class AuditRow(SQLModel, table=True):
    """An audit entry. Triggers refuse each UPDATE, and each DELETE of an entry of the last 30 days.

    The numbers are in the order of commits: see `store.access.lock`.
    """

    __tablename__ = "audit"
    __table_args__ = {"sqlite_autoincrement": True}

    number: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    id: str = Field(sa_column=Column(Key, nullable=False))
    at: datetime = Field(sa_column=Column(Instant, nullable=False))
    # Null if the action belongs to no workspace.
    workspace: str | None = Field(default=None, sa_column=Column(Key))
    action: str = Field(sa_column=Column(Key, nullable=False))
    outcome: str = Field(sa_column=Column(Key, nullable=False))
    actor_kind: str = Field(sa_column=Column(Key, nullable=False))
    actor_id: str | None = Field(default=None, sa_column=Column(Key))
    actor_name: str = Field(sa_column=Column(Text, nullable=False))
    subject_id: str | None = Field(default=None, sa_column=Column(Key))
    address: str | None = Field(default=None, sa_column=Column(Text))
    user_agent: str | None = Field(default=None, sa_column=Column(Text))
    request_id: str | None = Field(default=None, sa_column=Column(Text))
    # A JSON object.
    details: str = Field(sa_column=Column(Text, nullable=False))


audit = AuditRow.__table__  # type: ignore[attr-defined]

Index("audit_id", audit.c.id, unique=True)
Index("audit_at", audit.c.at)
for _name in ("workspace", "actor_id", "subject_id"):
    Index(f"audit_of_{_name.removesuffix('_id')}", audit.c[_name], audit.c.number)
