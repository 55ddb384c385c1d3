"""Kept numbers of analyses by status."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer
from sqlmodel import Field, SQLModel

from store.sql.columns import Key


class StatusCountRow(SQLModel, table=True):
    """The changes of one number by one writer. The number itself is the sum over all writers.

    On PostgreSQL a writer is the process of a connection, which has one transaction at a time: no transaction waits for
    the row of another. SQLite has one writer, 0.
    """

    __tablename__ = "status_count"

    workspace: str = Field(sa_column=Column(Key, primary_key=True))
    status: str = Field(sa_column=Column(Key, primary_key=True))
    writer: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    total: int = Field(sa_column=Column(BigInteger, nullable=False))


status_count = StatusCountRow.__table__  # type: ignore[attr-defined]
