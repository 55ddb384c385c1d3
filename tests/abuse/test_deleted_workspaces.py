"""A deleted workspace: its work is canceled, its data disappears, and the other workspaces keep theirs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, func, insert, select, update

from jobs.keeper import empty_workspaces
from store import tables as rows
from store.access.workspaces import create_workspace, delete_workspace
from store.batches import go_on_deleting, go_on_stopping
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.viewer import Role, Viewer
from tests.abuse.test_tenants import BEN, CANARY, Tenants
from tests.resolvers.rows import analysis

TABLES = (rows.analysis, rows.batch, rows.bulk_action, rows.bulk_action_item, rows.idempotency, rows.analysis_tag)


@pytest.fixture
async def tenants(database: Database, tmp_path: Path) -> AsyncIterator[Tenants]:
    """A server without workers."""
    tenants = Tenants(database, tmp_path)
    yield tenants
    await tenants.services.submissions.close()


async def count(database: Database) -> dict[str, int]:
    """Return the numbers of stored rows by table."""

    async def number(table: Table) -> int:
        async with database.read() as connection:
            return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())

    return {table.name: await number(table) for table in TABLES}


async def empty(database: Database) -> None:
    """Do the keeper's work until nothing is left to do."""
    while True:
        changed = await empty_workspaces(database)
        async with database.write() as connection:
            await go_on_stopping(connection, utcnow())
        async with database.write() as connection:
            changed += await go_on_deleting(connection)
        if not changed:
            return


async def test_the_data_of_a_deleted_workspace_disappears(tenants: Tenants, database: Database) -> None:
    await tenants.create(BEN, "Ours.")
    before = await count(database)
    async with database.write() as connection:
        place = await create_workspace(connection, "alfa", "Alfa", utcnow())
    gone = Viewer("ann", place.key, Role.ADMIN, user_id="user_ann", credential_id="signin_ann")
    own = await tenants.create(gone, CANARY)
    await empty(database)
    assert await count(database) == {name: 2 * number for name, number in before.items()}
    async with database.write() as connection:
        assert await delete_workspace(connection, place.id, utcnow()) is not None
    late = await tenants.create(gone, CANARY)  # on its way at the time of the deletion
    await empty(database)
    assert await count(database) == before
    for id_ in (*own.values(), *late.values()):
        assert await tenants.ask(BEN, "query ($id: ID!) { node(id: $id) { id } }", id=id_) == {"node": None}
    async with database.read() as connection:
        kept = rows.status_count.c
        found = await connection.execute(select(func.sum(kept.total)).where(kept.workspace == place.key))
        assert found.scalar_one() == 0


async def test_running_work_is_canceled_before_its_deletion(database: Database) -> None:
    async with database.write() as connection:
        place = await create_workspace(connection, "alfa", "Alfa", utcnow())
        running = analysis("RUNNING", workspace=place.key)
        other = analysis("RUNNING")
        for row in (running, other):
            await connection.execute(insert(row.table), row.values)
        await delete_workspace(connection, place.id, utcnow())
    await empty(database)
    column = rows.analysis.c
    async with database.write() as connection:
        found = await connection.execute(select(column.id, column.stop_requested))
        assert {row.id: row.stop_requested for row in found} == {
            running.values["id"]: "CANCELED",
            other.values["id"]: None,
        }
        ended = update(rows.analysis).where(column.workspace == place.key)
        await connection.execute(ended.values(status="CANCELED", finished_at=utcnow()))
    await empty(database)
    assert (await count(database))["analysis"] == 1


async def test_another_workspace_with_the_same_slug_has_no_old_data(tenants: Tenants, database: Database) -> None:
    found: list[Any] = []
    for _ in range(2):
        async with database.write() as connection:
            place = await create_workspace(connection, "alfa", "Alfa", utcnow())
        viewer = Viewer("ann", place.key, Role.ADMIN, user_id="user_ann", credential_id="signin_ann")
        query = "{ analyses { totalCount } batches { totalCount } events(first: 10) { nodes { subjectId } } }"
        found.append(await tenants.ask(viewer, query))
        await tenants.create(viewer, CANARY)
        async with database.write() as connection:
            await delete_workspace(connection, place.id, utcnow())
    assert found[0] == found[1]


async def test_two_keepers_at_once(tenants: Tenants, database: Database) -> None:
    async with database.write() as connection:
        place = await create_workspace(connection, "alfa", "Alfa", utcnow())
    gone = Viewer("ann", place.key, Role.ADMIN, user_id="user_ann", credential_id="signin_ann")
    for _ in range(3):
        await tenants.create(gone, CANARY)
    async with database.write() as connection:
        await delete_workspace(connection, place.id, utcnow())
    await asyncio.gather(empty(database), empty(database))
    assert set((await count(database)).values()) == {0}
