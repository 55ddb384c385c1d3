"""Workers and their timings."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, Integer, Text
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class WorkerRow(SQLModel, table=True):
    """A process that runs analyses; in embedded mode, the server itself."""

    __tablename__ = "worker"

    id: str = Field(sa_column=Column(Key, primary_key=True))
    instance: str = Field(sa_column=Column(Key, nullable=False))
    host: str = Field(sa_column=Column(Key, nullable=False))
    pid: int = Field(sa_column=Column(Integer, nullable=False))
    # Machine and start of the process: other processes may have the same host name and pid (`jobs.keeper`).
    process_start: str | None = Field(default=None, sa_column=Column(Key))
    started_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    last_seen_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    completed: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    failed: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    cpu_percent: float = Field(default=0)
    memory_mb: float = Field(default=0)
    slots: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    busy: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    # JSON: the names of the installed analyzers.
    analyzers: str = Field(default="[]", sa_column=Column(Text, nullable=False))
    # JSON: the ids of the analyses that ran at the last heartbeat.
    current: str = Field(default="[]", sa_column=Column(Text, nullable=False))


class TimingRow(SQLModel, table=True):
    """A worker's timings of one minute, counted from 1970, in the format of `store.queue.timings`."""

    __tablename__ = "timing"

    worker_id: str = Field(sa_column=Column(Key, primary_key=True))
    minute: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    data: str = Field(sa_column=Column(Text, nullable=False))


worker = WorkerRow.__table__  # type: ignore[attr-defined]
timing = TimingRow.__table__  # type: ignore[attr-defined]
