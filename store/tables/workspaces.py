"""Workspaces."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ColumnElement, Index, Text, literal_column
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class WorkspaceRow(SQLModel, table=True):
    """A tenant. Its row stays after its deletion, so that its remaining data can be found."""

    __tablename__ = "workspace"

    id: str = Field(sa_column=Column(Key, primary_key=True))
    # The value of all `workspace` columns: `default` for the first workspace, the id for later ones. A slug may be used
    # again after the deletion of its workspace, a key never.
    key: str = Field(sa_column=Column(Key, nullable=False))
    slug: str = Field(sa_column=Column(Key, nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    deleted_at: datetime | None = Field(default=None, sa_column=Column(Instant))


workspace = WorkspaceRow.__table__  # type: ignore[attr-defined]

_existing: ColumnElement[bool] = literal_column("deleted_at IS NULL")

Index("workspace_key", workspace.c.key, unique=True)
Index("workspace_slug", workspace.c.slug, unique=True, sqlite_where=_existing, postgresql_where=_existing)
