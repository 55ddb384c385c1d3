"""Many more requests than database connections, on a blocked database: clear errors, and a server that continues."""

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
    """Block all others: on PostgreSQL readers and writers, on SQLite writers."""
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
    """Make one call. Returns its error code; or the new analysis's id, or the number of analyses."""
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
    # Calls that were refused by a timeout may have been committed. Answered ones must have been.
    after = [await submit(server, f"after{number}", terms={"waitSeconds": 60}) for number in range(5)]
    assert {analysis["status"] for analysis in after} == {"COMPLETED"}

    await idle(server)
    assert "resolver failed" not in server.log
    assert await server.terminate() == 0
    truth = await house.truth()
    assert set(truth.statuses()) == {"COMPLETED"}
    assert {before["id"], *(analysis["id"] for analysis in after)} <= {row.id for row in truth.rows}
