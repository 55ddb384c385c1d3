"""API keys."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index, Text
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class ApiKeyRow(SQLModel, table=True):
    """An API key of a workspace. The key itself is not stored."""

    __tablename__ = "api_key"

    id: str = Field(sa_column=Column(Key, primary_key=True))
    workspace: str = Field(sa_column=Column(Key, nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    # The first twelve characters of the key.
    start: str = Field(sa_column=Column(Key, nullable=False))
    # SHA-256 of the key, in hexadecimal.
    hash: str = Field(sa_column=Column(Key, nullable=False))
    role: str = Field(sa_column=Column(Key, nullable=False))
    # The id of the creator.
    created_by: str = Field(sa_column=Column(Key, nullable=False))
    created_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    # Null if the key never expires.
    expires_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    # Accurate to a minute.
    last_used_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(Instant))


api_key = ApiKeyRow.__table__  # type: ignore[attr-defined]

Index("api_key_hash", api_key.c.hash, unique=True)
Index("api_key_of_workspace", api_key.c.workspace, api_key.c.id)
Index("api_key_of_user", api_key.c.created_by, api_key.c.id)
