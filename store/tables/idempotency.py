"""Idempotency keys."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class IdempotencyRow(SQLModel, table=True):
    """A client's key of a mutation, the hash of the mutation's input, and the id of the created subject."""

    __tablename__ = "idempotency"

    workspace: str = Field(sa_column=Column(Key, primary_key=True))
    key: str = Field(sa_column=Column(Key, primary_key=True))
    input_hash: str = Field(sa_column=Column(Key, nullable=False))
    subject_id: str = Field(sa_column=Column(Key, nullable=False))
    created_at: datetime = Field(sa_column=Column(Instant, nullable=False))


idempotency = IdempotencyRow.__table__  # type: ignore[attr-defined]
