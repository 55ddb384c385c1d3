"""Invitations to set a password."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class InvitationRow(SQLModel, table=True):
    """The open invitation of a user. The row ends with its use, and a new invitation replaces it."""

    __tablename__ = "invitation"

    user_id: str = Field(sa_column=Column(Key, primary_key=True))
    # SHA-256 of the invitation, in hexadecimal.
    hash: str = Field(sa_column=Column(Key, nullable=False))
    created_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    expires_at: datetime = Field(sa_column=Column(Instant, nullable=False))


invitation = InvitationRow.__table__  # type: ignore[attr-defined]

Index("invitation_hash", invitation.c.hash, unique=True)
