"""Changes of access."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, Integer
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class AccessChangeRow(SQLModel, table=True):
    """A change that makes cached permissions wrong. Numbers are in the order of commits: see `store.access.lock`."""

    __tablename__ = "access_change"
    __table_args__ = {"sqlite_autoincrement": True}

    number: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    # The id of the changed object: a user, membership, sign-in session, API key or workspace.
    subject_id: str = Field(sa_column=Column(Key, nullable=False))
    # The user who gained or lost permissions by it. Null for a workspace.
    user_id: str | None = Field(default=None, sa_column=Column(Key))
    occurred_at: datetime = Field(sa_column=Column(Instant, nullable=False))


access_change = AccessChangeRow.__table__  # type: ignore[attr-defined]
