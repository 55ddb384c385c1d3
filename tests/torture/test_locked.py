"""Another process holds the database's lock for long: no call fails, reads work, and writes continue afterwards."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import asyncpg
from sqlalchemy import make_url

from tests.support import until
from tests.torture.house import LONG, House, ask, idle, starts, submit, submit_batch

HOLD_SECONDS = 10 if LONG else 3


@asynccontextmanager
async def locked(house: House) -> AsyncIterator[None]:
    """Block all other writers, and no readers."""
    if house.sqlite:
        with closing(sqlite3.connect(make_url(house.url).database or "", isolation_level=None, timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
        return
    connection = await asyncpg.connect(house.url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE analysis, batch, event IN EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def test_a_lock_that_another_process_holds_for_long(house: House) -> None:
    server = await house.start(workers=2)
    notes, gate = house.folder / "notes", house.folder / "gate"
    batch = await submit_batch(server, [f"item{number}" for number in range(200)], seconds=0.005)
    held = await submit(server, "held", folder=str(notes), until=str(gate), terms={"timeoutSeconds": 3600})
    await until(lambda: starts(notes, "held") == 1, what="an analysis to run")
    async with locked(house):
        gate.touch()  # the analysis ends while its worker can't write
        waiting = [asyncio.create_task(submit(server, f"meanwhile{number}")) for number in range(20)]
        began = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - began < HOLD_SECONDS:  # the test is about a long lock
            found = await ask(server, "query ($id: ID!) { analysis(id: $id) { status } }", id=held["id"])
            assert found["analysis"]["status"] == "RUNNING"
            assert not any(task.done() for task in waiting)
    assert len({analysis["id"] for analysis in await asyncio.gather(*waiting)}) == 20
    await house.ended(server, [batch])

    await idle(server)
    assert await server.terminate() == 0
    truth = await house.truth()
    assert truth.statuses() == {"COMPLETED": 221}
    assert {row.attempt for row in truth.rows} == {1}
    assert starts(notes, "held") == 1
