"""The rows that a viewer may see: those of the viewer's workspace. All reads of the store filter by it here."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import ColumnElement, Table

from store.sql.viewer import Viewer


class _Scoped(Protocol):
    @property
    def workspace(self) -> str: ...


def mine(table: Table, viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition that a row of this table is the viewer's to see."""
    column: ColumnElement[str] = table.c.workspace
    return column == viewer.workspace


def is_mine(row: _Scoped, viewer: Viewer) -> bool:
    """Return whether a row that was read already is the viewer's to see."""
    return row.workspace == viewer.workspace
