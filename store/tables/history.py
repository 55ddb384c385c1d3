"""The history of throughput, queue and latency."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Text
from sqlmodel import Field, SQLModel

from store.sql.columns import Key


class HistoryRow(SQLModel, table=True):
    """The figures of one step, in the format of `store.history`: of a process for 5 seconds, else of all processes."""

    __tablename__ = "history"

    # Length of the step: 5, 300 or 7,200.
    seconds: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    # Number of the step, counted from 1970.
    step: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    # The server's instance or the worker's id; empty for all.
    writer: str = Field(sa_column=Column(Key, primary_key=True))
    # JSON.
    data: str = Field(sa_column=Column(Text, nullable=False))


history = HistoryRow.__table__  # type: ignore[attr-defined]
