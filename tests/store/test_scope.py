"""The workspace of a viewer: one place filters by it, and no read of the store goes around that place."""

from __future__ import annotations

import re
from dataclasses import replace

from sqlalchemy import insert, select

from store import tables
from store.sql.database import Database
from store.sql.scope import EVERYWHERE, mine, mine_or_everywhere, select_mine
from store.sql.viewer import LOCAL_ADMINISTRATOR
from tests.resolvers.rows import event
from tests.support import ROOT

PACKAGES = ("commands", "events", "jobs", "resolvers", "store", "web")


async def test_a_viewer_sees_the_rows_of_its_workspace(database: Database) -> None:
    async with database.write() as connection:
        for workspace in ("default", "other", "default", tables.NOWHERE):
            row = event(workspace=workspace, subject=workspace)
            await connection.execute(insert(row.table), row.values)
    async with database.read() as connection:
        for viewer, count in ((LOCAL_ADMINISTRATOR, 2), (replace(LOCAL_ADMINISTRATOR, workspace="other"), 1)):
            found = (await connection.execute(select(tables.event).where(mine(tables.event, viewer)))).all()
            assert [row.subject for row in found] == [viewer.workspace] * count
            everything = (await connection.execute(select(tables.event))).all()
            assert select_mine(everything, viewer) == found


async def test_every_viewer_sees_the_events_of_the_installation(database: Database) -> None:
    async with database.write() as connection:
        for workspace in ("default", EVERYWHERE, "other", tables.NOWHERE):
            row = event(workspace=workspace, subject=workspace)
            await connection.execute(insert(row.table), row.values)
    seen = {}
    async with database.read() as connection:
        everything = (await connection.execute(select(tables.event))).all()
        for workspace in ("default", "other"):
            viewer = replace(LOCAL_ADMINISTRATOR, workspace=workspace)
            visible = select(tables.event).where(mine_or_everywhere(tables.event, viewer))
            found = (await connection.execute(visible)).all()
            assert select_mine(everything, viewer) == found
            seen[workspace] = {row.subject for row in found}
    assert seen == {"default": {"default", EVERYWHERE}, "other": {"other", EVERYWHERE}}


def test_only_the_scope_compares_workspaces_with_a_viewer() -> None:
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    comparing = [path for path in files if re.search(r"\.workspace\s*[=!]=\s*\w+\.workspace", path.read_text())]
    assert [str(path.relative_to(ROOT)) for path in comparing] == ["store/sql/scope.py"]
