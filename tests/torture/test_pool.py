"""Many more requests than the database has connections, while it is slow: clear answers, and the server goes on."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import asyncpg
from sqlalchemy import make_url

from tests.api.calls import ApiServer
from tests.torture.house import House, Refused, ask, idle, submit

REQUESTS = 200


@asynccontextmanager
async def stalled(house: House) -> AsyncIterator[None]:
    """Nobody else gets on: on PostgreSQL not even to read, on SQLite not to write."""
    if house.sqlite:
        with closing(sqlite3.connect(make_url(house.url).database or "", isolation_level=None, timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
        return
    connection = await asyncpg.connect(house.url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE analysis, batch, event, worker IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def outcome(server: ApiServer, number: int, *, writes: bool) -> str:
    """The code of a call's refusal, or the id of what it made or found."""
    try:
        if writes:
            return str((await submit(server, f"one of many {number}"))["id"])
        return str((await ask(server, "{ analyses(first: 1) { totalCount } }"))["analyses"]["totalCount"])
    except Refused as refusal:
        (code,) = refusal.codes
        return str(code)


async def test_more_requests_than_connections(house: House) -> None:
    server = await house.start(workers=1, operation_timeout_seconds=3)
    before = await submit(server, "before", terms={"waitSeconds": 60})
    assert before["status"] == "COMPLETED"
    async with stalled(house):
        calls = [outcome(server, number, writes=house.sqlite or number % 2 == 0) for number in range(REQUESTS)]
        codes = Counter(await asyncio.gather(*calls))
        assert set(codes) <= {"OPERATION_TIMEOUT", "SERVICE_UNAVAILABLE"}
        assert sum(codes.values()) == REQUESTS
        assert server.process.poll() is None
    # What was refused may have been made all the same: its answer came too late. What is answered is there.
    after = [await submit(server, f"after{number}", terms={"waitSeconds": 60}) for number in range(5)]
    assert {analysis["status"] for analysis in after} == {"COMPLETED"}

    await idle(server)
    assert "resolver failed" not in server.log
    assert await server.terminate() == 0
    truth = await house.truth()
    assert set(truth.statuses()) == {"COMPLETED"}
    assert {before["id"], *(analysis["id"] for analysis in after)} <= {row.id for row in truth.rows}
