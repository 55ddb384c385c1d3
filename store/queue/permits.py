"""Permits to look for work, on PostgreSQL: jobs of PgQueuer, in PgQueuer's own tables.

The rows hold the queue and the claims; a permit only announces that a look is worth while. The transaction that queues
the rows also leaves the permit. A lost permit delays its rows by a second, the interval of the workers' own looks; a
needless one costs a look. The tables therefore need not survive a crash (UNLOGGED), and stay small.
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

# All settings are explicit: PgQueuer reads a missing one from the environment, some from names as common as CHANNEL.
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
# Rows per permit, and the most permits for any number of rows: a claim that leaves rows behind leaves a permit too.
ROWS_EACH = 100
MOST = 16
LOG_KEPT = timedelta(minutes=1)
_TRIMMED_AT_ONCE = 1_000
_BEHIND = f"EXISTS (SELECT FROM {tables.analysis.name} WHERE {tables.queued})"


def queries(connection: asyncpg.Connection) -> Queries:
    """Return PgQueuer's statements for this connection and our table names."""
    return Queries(
        AsyncpgDriver(connection),
        qbe=qb.QueryBuilderEnvironment(_SETTINGS),
        qbq=qb.QueryQueueBuilder(_SETTINGS),
        qbs=qb.QuerySchedulerBuilder(_SETTINGS),
    )


async def install(connection: asyncpg.Connection) -> None:
    """Create or upgrade PgQueuer's tables for its installed release, in the open transaction."""
    for statement in (await queries(connection).plan_upgrade()).statements:
        await connection.execute(statement)


async def uninstall(connection: asyncpg.Connection) -> None:
    """Drop PgQueuer's tables."""
    await queries(connection).uninstall()


async def leave(connection: AsyncConnection, *, rows: int, claimed: bool) -> None:
    """Leave permits in this transaction, for its `rows` new claimable rows, or for rows that its claim left behind.

    With `MOST` permits waiting none is added. If those are used before this transaction commits, its rows wait for the
    workers' next look.
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
    """Delete PgQueuer's log rows older than a minute; True if there may be more.

    Few rows at a time: a writing transaction holds back the readers of the event log. Any number of workers may trim.
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
