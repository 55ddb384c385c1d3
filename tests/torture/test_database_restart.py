"""PostgreSQL ends at once and comes back in the middle of a batch, twice: nothing is lost, and clients are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import func, select

from store import tables
from tests.api.calls import ApiServer
from tests.support import until
from tests.torture.house import House, Refused, Unanswered, ask, build, starts, submit, submit_batch
from tests.torture.postgresql import Cluster

pytestmark = pytest.mark.needs("postgresql")
ITEMS = 300


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    cluster = await asyncio.to_thread(Cluster)
    try:
        await asyncio.to_thread(cluster.start)
        yield cluster
    finally:
        await asyncio.to_thread(cluster.close)


@pytest.fixture
async def house(cluster: Cluster, tmp_path: Path) -> AsyncIterator[House]:
    house = await build(cluster.url, tmp_path)
    yield house
    await house.close()


async def answers(server: ApiServer) -> bool:
    try:
        await ask(server, "{ analyses(first: 1) { nodes { id } } }")
    except (Refused, Unanswered):
        return False
    return True


async def test_a_database_that_crashes_twice_in_a_batch(house: House, cluster: Cluster) -> None:
    server = await house.start(workers=2, operation_timeout_seconds=5)
    gates = [house.folder / "gate1", house.folder / "gate2"]
    # The gates hold an item each while the database is away: it ends with nobody to tell.
    notes = house.folder / "notes"
    held = [
        await submit(server, f"held{number}", until=str(gate), folder=str(notes)) for number, gate in enumerate(gates)
    ]
    await until(lambda: all(starts(notes, f"held{number}") for number in range(2)), what="both to run")
    batch = await submit_batch(server, [f"item{number}" for number in range(ITEMS)], seconds=0.002)
    for gate in gates:
        await asyncio.to_thread(cluster.stop)
        gate.touch()
        codes = set[str]()
        for _ in range(3):
            with pytest.raises(Refused) as refusal:
                await submit(server, "meanwhile")
            codes |= set(refusal.value.codes)
        assert codes == {"SERVICE_UNAVAILABLE"}
        assert server.process.poll() is None
        await asyncio.to_thread(cluster.start)

        await until(partial(answers, server), what="the server to reach its database again")
    after = await submit(server, "after")
    await house.ended(server, [batch])

    async with house.database() as database:

        async def all_ended() -> bool:
            statement = select(func.count()).where(tables.analysis.c.finished_at.is_(None))
            async with database.read() as connection:
                return (await connection.execute(statement)).scalar_one() == 0

        await until(all_ended, what="all to end")
    assert await server.terminate() == 0
    truth = await house.truth()
    assert truth.statuses() == {"COMPLETED": ITEMS + 3}
    assert {row.id for row in truth.rows if row.batch_id is None} == {held[0]["id"], held[1]["id"], after["id"]}
    # No worker was lost, so nothing was taken from it: what had ended was told when there was somebody to tell.
    assert {row.attempt for row in truth.rows} == {1}


async def test_connections_that_are_ended_one_by_one(house: House) -> None:
    server = await house.start(workers=2)
    batch = await submit_batch(server, [f"item{number}" for number in range(ITEMS)], seconds=0.004)
    connection = await asyncpg.connect(house.url)
    try:
        for _ in range(20):
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'assay' ORDER BY random() LIMIT 2"
            )
            await asyncio.sleep(0.02)
    finally:
        await connection.close()
    await until(partial(answers, server), what="the server to reach its database again")
    await house.ended(server, [batch])
    assert await server.terminate() == 0
    truth = await house.truth()
    assert truth.statuses() == {"COMPLETED": ITEMS}
