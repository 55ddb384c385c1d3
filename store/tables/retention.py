"""The clean-up's lease, its last figures, and the start of the event log."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, Integer
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


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


cleanup = CleanupRow.__table__  # type: ignore[attr-defined]
