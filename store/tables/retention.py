"""The lease and the last figures of clean-ups, and the start of the event log."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, Integer
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class CleanupRow(SQLModel, table=True):
    """The only row: the lease of the running clean-up, the figures of the last one, and the start of the log."""

    __tablename__ = "cleanup"

    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    # A lease as for an analysis: one server at a time cleans up, and stops if another server took over.
    lease: str | None = Field(default=None, sa_column=Column(Key))
    lease_expires_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    started_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    finished_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    batches: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    analyses: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    events: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    # The start of the log: events up to this place are deleted, events after it are kept.
    log_xid: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    log_position: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    # The checksum of the last deleted event (`store.cursors`); 0 if a program before revision 0008 deleted it.
    log_checksum: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))


cleanup = CleanupRow.__table__  # type: ignore[attr-defined]
