"""Pauses and concurrency limits."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, Integer, Text
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class QueueEventType(StrEnum):
    """The type of events about the controls. Their subject is `queue` or an analyzer, which have no row."""

    QUEUE_CHANGED = "QUEUE_CHANGED"


class ControlRow(SQLModel, table=True):
    """The controls of one analyzer or, under the empty name, of the whole queue (`store.queue.controls`)."""

    __tablename__ = "control"

    analyzer: str = Field(sa_column=Column(Key, primary_key=True))
    paused_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    # Null without a pause, or for a pause without a reason.
    pause_reason: str | None = Field(default=None, sa_column=Column(Text))
    slots: int | None = Field(default=None, sa_column=Column(Integer))


control = ControlRow.__table__  # type: ignore[attr-defined]
