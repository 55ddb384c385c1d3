"""The rows that a viewer may see: those of the viewer's workspace. All reads of the store filter by it here.

Events of the installation are in no workspace, and every viewer sees them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from sqlalchemy import ColumnElement, FromClause, Table, Text, bindparam

from store.sql.viewer import Viewer

# The workspace of events of the installation.
EVERYWHERE = "*"


_workspace: Any = bindparam("workspace", type_=Text)
ANYONE = Viewer(name="", workspace=_workspace, role=None)
"""The viewer in a statement for every viewer, whose workspace is the parameter `workspace`."""


class _Scoped(Protocol):
    @property
    def workspace(self) -> str: ...


ScopedT = TypeVar("ScopedT", bound=_Scoped)


def scope_of(viewer: Viewer) -> dict[str, Any]:
    """Return the parameter of a statement for `ANYONE`."""
    return {"workspace": viewer.workspace}


def mine(table: FromClause, viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition that a row of this table is the viewer's to see."""
    column: ColumnElement[str] = table.c.workspace
    return column == viewer.workspace


def mine_or_everywhere(events: Table, viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition that an event is the viewer's to see. The other tables have no rows of the installation."""
    column: ColumnElement[str] = events.c.workspace
    return (column == viewer.workspace) | (column == EVERYWHERE)


def is_mine(row: _Scoped, viewer: Viewer) -> bool:
    """Return whether a row is in the viewer's workspace."""
    return row.workspace == viewer.workspace


def select_mine(events: Iterable[ScopedT], viewer: Viewer) -> list[ScopedT]:
    """Return those events, read before for all viewers, that are the viewer's to see."""
    return [row for row in events if is_mine(row, viewer) or row.workspace == EVERYWHERE]
