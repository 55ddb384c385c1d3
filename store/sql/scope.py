"""The rows that a viewer may see: those of the viewer's workspace. All reads of the store filter by it here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from sqlalchemy import ColumnElement, Table

from store.sql.viewer import Viewer


class _Scoped(Protocol):
    @property
    def workspace(self) -> str: ...


ScopedT = TypeVar("ScopedT", bound=_Scoped)


def mine(table: Table, viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition that a row of this table is the viewer's to see."""
    column: ColumnElement[str] = table.c.workspace
    return column == viewer.workspace


def select_mine(rows: Iterable[ScopedT], viewer: Viewer) -> list[ScopedT]:
    """Return those rows, read before for all viewers, that are the viewer's to see."""
    return [row for row in rows if row.workspace == viewer.workspace]
