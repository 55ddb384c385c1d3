"""The identity of the database."""

from __future__ import annotations

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from store.sql.columns import Key


class IdentityRow(SQLModel, table=True):
    """The one row that tells this database from every other: cursors say of which log they are."""

    __tablename__ = "identity"

    id: str = Field(sa_column=Column(Key, primary_key=True))


identity = IdentityRow.__table__  # type: ignore[attr-defined]
