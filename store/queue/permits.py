"""Permits to look for work, which workers on PostgreSQL wait for: jobs of PgQueuer's, in tables of its own making.

What waits and who has it stand in our rows. A permit says that a look is worth its while, and is left in the
transaction that made it so. One that is lost costs its rows a second at most, for workers look by themselves that
often; one too many costs a look. So its tables needn't survive a crash (UNLOGGED), and never hold many.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pgqueuer.adapters.persistence import qb
from pgqueuer.db import AsyncpgDriver
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.queries import Queries
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables

if TYPE_CHECKING:
    import asyncpg

# Each is given: PgQueuer would take one that is not from the environment, some from variables as common as CHANNEL.
_SETTINGS = DBSettings(
    prefix="assay_",
    db_schema=None,
    channel="assay_ch_pgqueuer",
    function="assay_fn_pgqueuer_changed",
    statistics_table="assay_pgqueuer_statistics",
    queue_status_type="assay_pgqueuer_status",
    queue_table="assay_pgqueuer",
    queue_table_log="assay_pgqueuer_log",
    trigger="assay_tg_pgqueuer_changed",
    schedules_table="assay_pgqueuer_schedules",
    durability=Durability.volatile,
    widen_id=True,
)
CHANNEL = _SETTINGS.channel
ENTRYPOINT = "chunk"
# So many rows are worth another worker's look, and so many permits are enough for any number of them: a claim that
# leaves some behind leaves a permit too.
ROWS_EACH = 100
MOST = 16
LOG_KEPT = timedelta(minutes=1)
_TRIMMED_AT_ONCE = 1_000
_BEHIND = f"EXISTS (SELECT FROM {tables.analysis.name} WHERE {tables.queued})"


def queries(connection: asyncpg.Connection) -> Queries:
    """PgQueuer's statements, on this connection and for these tables."""
    return Queries(
        AsyncpgDriver(connection),
        qbe=qb.QueryBuilderEnvironment(_SETTINGS),
        qbq=qb.QueryQueueBuilder(_SETTINGS),
        qbs=qb.QuerySchedulerBuilder(_SETTINGS),
    )


async def install(connection: asyncpg.Connection) -> None:
    """Make PgQueuer's tables what its release asks for, in the transaction that is open; nothing where they are."""
    for statement in (await queries(connection).plan_upgrade()).statements:
        await connection.execute(statement)


async def uninstall(connection: asyncpg.Connection) -> None:
    """Drop PgQueuer's tables."""
    await queries(connection).uninstall()


async def leave(connection: AsyncConnection, *, rows: int, claimed: bool) -> None:
    """Leave permits, in this transaction, for so many rows that it makes claimable, or for what a claim left behind.

    Where `MOST` wait none is added. Should all of those be used up before this transaction commits, its rows wait for
    a worker to look by itself.
    """
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    waiting, behind = await driver.fetchrow(
        f"SELECT (SELECT count(*) FROM (SELECT FROM {_SETTINGS.queue_table}"  # noqa: S608 — a name of ours
        f" WHERE entrypoint = $1 AND status = 'queued' LIMIT $2) AS permits), {_BEHIND}",
        ENTRYPOINT,
        MOST,
    )
    count = min(-(-rows // ROWS_EACH), MOST - waiting)
    if claimed and behind and not rows and not waiting:
        count = 1
    if count > 0:
        await queries(driver).enqueue([ENTRYPOINT] * count, [None] * count, [0] * count)


async def trim_log(own: Queries) -> bool:
    """Delete what PgQueuer logged more than a minute ago; whether there may be more.

    Few at a time, for a transaction that writes holds back the readers of the event log. Any number may trim at once.
    """
    more = False
    for table in (_SETTINGS.queue_table_log, _SETTINGS.statistics_table):
        deleted = await own.driver.execute(
            f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table}"  # noqa: S608 — a name of ours
            " WHERE created < now() - $1::interval LIMIT $2 FOR UPDATE SKIP LOCKED)",
            LOG_KEPT,
            _TRIMMED_AT_ONCE,
        )
        more = more or deleted == f"DELETE {_TRIMMED_AT_ONCE}"
    return more
