"""Sign-in sessions and their refresh tokens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index, Text
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class SignInRow(SQLModel, table=True):
    """A sign-in session: a family of refresh tokens, each the successor of the one before."""

    __tablename__ = "signin"

    id: str = Field(sa_column=Column(Key, primary_key=True))
    user_id: str = Field(sa_column=Column(Key, nullable=False))
    created_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    last_used_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    # The expiry of its newest refresh token.
    expires_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    address: str | None = Field(default=None, sa_column=Column(Text))
    user_agent: str | None = Field(default=None, sa_column=Column(Text))


class RefreshRow(SQLModel, table=True):
    """A refresh token. The token itself is not stored."""

    __tablename__ = "refresh"

    # SHA-256 of the token, in hexadecimal.
    hash: str = Field(sa_column=Column(Key, primary_key=True))
    signin_id: str = Field(sa_column=Column(Key, nullable=False))
    expires_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    # The next three columns are null before the first use: its time, the hash of the successor, and the name of the
    # secret that the successor is computed with.
    used_at: datetime | None = Field(default=None, sa_column=Column(Instant))
    successor: str | None = Field(default=None, sa_column=Column(Key))
    kid: str | None = Field(default=None, sa_column=Column(Key))


signin = SignInRow.__table__  # type: ignore[attr-defined]
refresh = RefreshRow.__table__  # type: ignore[attr-defined]

Index("signin_of_user", signin.c.user_id, signin.c.id)
# For the clean-up.
Index("signin_expires", signin.c.expires_at)
Index("refresh_expires", refresh.c.expires_at)
