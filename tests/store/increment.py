"""A process that reads a worker's counter and adds 1, repeatedly: `python -m tests.store.increment URL ID TIMES`."""

from __future__ import annotations

import asyncio
import sys

from sqlalchemy import select, update

from store import tables
from store.sql.database import Database


async def increment(database: Database, worker_id: str) -> None:
    """Read the counter, yield to other tasks, and write it, in one transaction."""
    counter = tables.worker.c.completed
    async with database.write() as connection:
        statement = select(counter).where(tables.worker.c.id == worker_id).with_for_update()
        count = (await connection.execute(statement)).scalar_one()
        await asyncio.sleep(0)
        await connection.execute(
            update(tables.worker).where(tables.worker.c.id == worker_id).values(completed=count + 1)
        )


async def main(url: str, worker_id: str, times: str) -> None:
    database = Database(url)
    await asyncio.gather(*(increment(database, worker_id) for _ in range(int(times))))
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
