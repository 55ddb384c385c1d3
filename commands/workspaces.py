"""The commands of workspaces: list, create."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from rich.markup import escape
from sqlalchemy.ext.asyncio import AsyncConnection

from commands.audit import write
from commands.operations import Refused
from commands.terminal import show, table, written
from resolvers.user_errors import check_name
from settings import OperatorSettings
from store.access.lock import lock_access
from store.access.memberships import count_members
from store.access.workspaces import SlugTaken, create_workspace, page_of_workspaces, workspace_by_slug
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.paging import MAX_PAGE, Page, PageArguments
from store.tables import AuditAction, WorkspaceRow

RowT = TypeVar("RowT")


async def list_workspaces(database: Database, _settings: OperatorSettings) -> None:
    """Show all workspaces, oldest first."""
    found = table("Workspace", "Name", "Members", "Created", "Id")
    async with database.read() as connection:
        for row in await all_workspaces(connection):
            members = await count_members(connection, row.key)
            found.add_row(row.slug, escape(row.name), f"{members:,}", written(row.created_at), row.id)
    show(found)


async def create(database: Database, _settings: OperatorSettings, slug: str, name: str | None) -> None:
    """Create a workspace without members. Its name is the slug if none is given."""
    if faults := [*check_name("--name", name, [])]:
        raise Refused(faults[0].message)
    async with database.write() as connection:
        await lock_access(connection)
        await add_workspace(connection, slug, name or slug)
    print(f"The workspace {slug} is created.")


async def add_workspace(connection: AsyncConnection, slug: str, name: str) -> WorkspaceRow:
    """Create a workspace, and its audit entry. Raises Refused for a slug in use."""
    now = utcnow()
    try:
        row = await create_workspace(connection, slug, name, now)
    except SlugTaken:
        raise Refused(f"There is a workspace {slug}: choose another slug.") from None
    await write(connection, AuditAction.WORKSPACE_CREATED, row.id, now, workspace=row.key, slug=slug, name=name)
    return row


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
