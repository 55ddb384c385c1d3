"""The commands of workspaces: list, create."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from rich.markup import escape
from sqlalchemy.ext.asyncio import AsyncConnection

from commands.operations import Refused
from commands.terminal import show, table, written
from settings import OperatorSettings
from store.access.memberships import count_members
from store.access.workspaces import page_of_workspaces, workspace_by_slug
from store.sql.database import Database
from store.sql.paging import MAX_PAGE, Page, PageArguments
from store.tables import WorkspaceRow

RowT = TypeVar("RowT")


async def list_workspaces(database: Database, _settings: OperatorSettings) -> None:
    """Show all workspaces, oldest first."""
    found = table("Workspace", "Name", "Members", "Created", "Id")
    async with database.read() as connection:
        for row in await all_workspaces(connection):
            members = await count_members(connection, row.key)
            found.add_row(row.slug, escape(row.name), f"{members:,}", written(row.created_at), row.id)
    show(found)


async def all_workspaces(connection: AsyncConnection) -> list[WorkspaceRow]:
    """Return all workspaces, oldest first."""
    return await all_of(lambda page: page_of_workspaces(connection, page))


async def all_of(read: Callable[[PageArguments], Awaitable[Page[RowT]]]) -> list[RowT]:
    """Return the rows of all pages of a list."""
    page = await read(PageArguments(first=MAX_PAGE))
    rows = page.rows
    while page.has_next:
        page = await read(PageArguments(first=MAX_PAGE, after=page.cursor(page.rows[-1])))
        rows += page.rows
    return rows


async def require_workspace(connection: AsyncConnection, slug: str) -> WorkspaceRow:
    """Return the workspace with this slug. Raises Refused without one."""
    row = await workspace_by_slug(connection, slug)
    if row is None:
        raise Refused(f"There is no workspace {slug}: `server.py workspace list` shows all.")
    return row
