"""The rows that a viewer may see: those of the viewer's workspace. All reads of the store filter by it here.

Events of the installation are in no workspace, and every viewer sees them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from sqlalchemy import ColumnElement, FromClause, Table

from store.sql.viewer import Viewer

# The workspace of events of the installation.
EVERYWHERE = "*"


class _Scoped(Protocol):
    @property
    def workspace(self) -> str: ...


ScopedT = TypeVar("ScopedT", bound=_Scoped)


def mine(table: FromClause, viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition that a row of this table is the viewer's to see."""
    column: ColumnElement[str] = table.c.workspace
    return column == viewer.workspace


def mine_or_everywhere(events: Table, viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition that an event is the viewer's to see. The other tables have no rows of the installation."""
    column: ColumnElement[str] = events.c.workspace
    return (column == viewer.workspace) | (column == EVERYWHERE)


def select_mine(events: Iterable[ScopedT], viewer: Viewer) -> list[ScopedT]:
    """Return those events, read before for all viewers, that are the viewer's to see."""
    return [row for row in events if row.workspace == viewer.workspace or row.workspace == EVERYWHERE]
