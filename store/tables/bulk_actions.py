"""Bulk actions: rows, kinds, statuses, and the index of the keeper and the clean-up."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, Index, Integer
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class BulkActionKind(StrEnum):
    """Actions on many analyses."""

    RETRY = "RETRY"
    CANCEL = "CANCEL"
    DELETE = "DELETE"


class BulkActionStatus(StrEnum):
    """RUNNING → COMPLETED after the last analysis, or STOPPED by a request."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    STOPPED = "STOPPED"


class BulkActionEventType(StrEnum):
    """The types of a bulk action's events."""

    BULK_ACTION_PROGRESS = "BULK_ACTION_PROGRESS"
    BULK_ACTION_ENDED = "BULK_ACTION_ENDED"


class BulkActionRow(SQLModel, table=True):
    """An action on its items, in the order of their ids."""

    __tablename__ = "bulk_action"

    id: str = Field(sa_column=Column(Key, primary_key=True))
    workspace: str = Field(sa_column=Column(Key, nullable=False))
    kind: str = Field(sa_column=Column(Key, nullable=False))
    status: str = Field(sa_column=Column(Key, nullable=False))
    matched: int = Field(sa_column=Column(Integer, nullable=False))
    eligible: int = Field(sa_column=Column(Integer, nullable=False))
    done: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    refused: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    # The last reached analysis: the next slice begins after this id. Empty before the first slice.
    reached: str = Field(default="", sa_column=Column(Key, nullable=False))
    created_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    finished_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    progress_event_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    # The lease of the keeper that carries out the action, and its last sign of life. Empty and null without a holder.
    lease: str = Field(default="", sa_column=Column(Key, nullable=False))
    renewed_at: datetime | None = Field(default=None, sa_column=Column(Instant))


class BulkActionItemRow(SQLModel, table=True):
    """An analysis that was eligible at the start of a running action, and is not reached yet."""

    __tablename__ = "bulk_action_item"

    action_id: str = Field(sa_column=Column(Key, primary_key=True))
    analysis_id: str = Field(sa_column=Column(Key, primary_key=True))


bulk_action = BulkActionRow.__table__  # type: ignore[attr-defined]
bulk_action_item = BulkActionItemRow.__table__  # type: ignore[attr-defined]

Index("bulk_action_finished", bulk_action.c.finished_at)
