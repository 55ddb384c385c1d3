"""Memberships of users in workspaces."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class MembershipRow(SQLModel, table=True):
    """The role of a user in a workspace."""

    __tablename__ = "membership"

    id: str = Field(sa_column=Column(Key, primary_key=True))
    workspace: str = Field(sa_column=Column(Key, nullable=False))
    user_id: str = Field(sa_column=Column(Key, nullable=False))
    role: str = Field(sa_column=Column(Key, nullable=False))
    created_at: datetime = Field(sa_column=Column(Instant, nullable=False))


membership = MembershipRow.__table__  # type: ignore[attr-defined]

Index("membership_of_user", membership.c.user_id, membership.c.workspace, unique=True)
Index("membership_of_workspace", membership.c.workspace, membership.c.id)
