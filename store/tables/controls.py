"""Pauses and concurrency limits."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Integer
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class ControlRow(SQLModel, table=True):
    """The controls of one analyzer or, under the empty name, of the whole queue (`store.queue.controls`)."""

    __tablename__ = "control"

    analyzer: str = Field(sa_column=Column(Key, primary_key=True))
    paused_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    slots: int | None = Field(default=None, sa_column=Column(Integer))


control = ControlRow.__table__  # type: ignore[attr-defined]
