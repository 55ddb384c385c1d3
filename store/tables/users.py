"""User accounts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, Column, Index, Text
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class UserRow(SQLModel, table=True):
    """A user account. Accounts are deactivated and never deleted: no name is used twice.

    `user` is a reserved word of PostgreSQL: SQLAlchemy quotes it, and hand-written SQL must.
    """

    __tablename__ = "user"

    id: str = Field(sa_column=Column(Key, primary_key=True))
    # In lower case.
    name: str = Field(sa_column=Column(Key, nullable=False))
    display_name: str | None = Field(default=None, sa_column=Column(Text))
    email: str | None = Field(default=None, sa_column=Column(Text))
    is_administrator: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    is_active: bool = Field(default=True, sa_column=Column(Boolean, nullable=False))
    # The external issuer of the user's tokens, and the `sub` of these tokens. Both null for a local user.
    issuer: str | None = Field(default=None, sa_column=Column(Key))
    subject: str | None = Field(default=None, sa_column=Column(Key))
    # The encoded hash, with its parameters. Null before the first invitation is accepted, and for external users.
    password: str | None = Field(default=None, sa_column=Column(Text))
    created_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    last_sign_in_at: datetime | None = Field(default=None, sa_column=Column(Instant))


user = UserRow.__table__  # type: ignore[attr-defined]

Index("user_name", user.c.name, unique=True)
Index("user_issuer", user.c.issuer, user.c.subject, unique=True)
