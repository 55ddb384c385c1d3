"""The identity of the event log."""

from __future__ import annotations

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from store.sql.columns import Key


class IdentityRow(SQLModel, table=True):
    """The only row: the identity of the log, in hexadecimal. Cursors depend on it, so another log refuses them."""

    __tablename__ = "identity"

    id: str = Field(sa_column=Column(Key, primary_key=True))


identity = IdentityRow.__table__  # type: ignore[attr-defined]
