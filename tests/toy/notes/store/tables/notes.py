"""Notes: rows and event types."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class NoteEventType(StrEnum):
    """The types of a note's events."""

    NOTE_ADDED = "NOTE_ADDED"
    NOTE_CLOSED = "NOTE_CLOSED"


class NoteRow(SQLModel, table=True):
    """A text about a batch, open until somebody closes it."""

    __tablename__ = "note"

    id: str = Field(sa_column=Column(Key, primary_key=True))
    workspace: str = Field(sa_column=Column(Key, nullable=False))
    batch_id: str = Field(sa_column=Column(Key, nullable=False))
    text: str = Field(sa_column=Column(Text, nullable=False))
    finished_at: datetime | None = Field(default=None, sa_column=Column(Instant))


note = NoteRow.__table__
