"""Memberships of users in workspaces."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class Role(StrEnum):
    """Roles in a workspace, lowest first. Each role includes the permissions of all roles before it."""

    VIEWER = "VIEWER"
    ANALYST = "ANALYST"
    ADMIN = "ADMIN"

    @property
    def rank(self) -> int:
        """Position in the order of roles, from 0."""
        return list(Role).index(self)


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
