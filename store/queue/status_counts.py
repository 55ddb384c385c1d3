"""Kept numbers of analyses by workspace and status, changed in the transaction of each change of a status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete, func, insert, literal, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.sql.database import Database
from store.sql.script import Script, run
from store.tables import AnalysisStatus

Place = tuple[str, str]
"""A workspace and a status."""

_ADD_SQLITE = """
    INSERT INTO status_count (workspace, status, writer, total) VALUES (?, ?, 0, ?)
    ON CONFLICT (workspace, status, writer) DO UPDATE SET total = status_count.total + excluded.total
    """
_ADD_POSTGRESQL = """
    INSERT INTO status_count (workspace, status, writer, total)
    SELECT workspace, status, pg_backend_pid(), total
    FROM unnest(?::text[], ?::text[], ?::bigint[]) AS each(workspace, status, total)
    ON CONFLICT (workspace, status, writer) DO UPDATE SET total = status_count.total + excluded.total
    """
# A new process with the id of an ended one waits for this transaction.
_FOLD = text(
    """
    WITH gone AS (
        SELECT ctid FROM status_count WHERE writer <> 0 AND writer NOT IN (SELECT pid FROM pg_stat_activity)
        FOR UPDATE SKIP LOCKED
    ), folded AS (
        DELETE FROM status_count WHERE ctid IN (SELECT ctid FROM gone) RETURNING workspace, status, total
    )
    INSERT INTO status_count (workspace, status, writer, total)
    SELECT workspace, status, 0, sum(total) FROM folded GROUP BY workspace, status
    ON CONFLICT (workspace, status, writer) DO UPDATE SET total = status_count.total + excluded.total
    """
)


def add(script: Script, changes: Mapping[Place, int]) -> None:
    """Add these changes to the numbers, before the next statement of the script."""
    rows = [(*place, change) for place, change in sorted(changes.items()) if change]
    if not rows:
        return
    if script.sqlite:
        script.each(_ADD_SQLITE, rows)
    else:
        script.before_next(_ADD_POSTGRESQL, *map(list, zip(*rows, strict=True)))


def add_moves(script: Script, moves: Mapping[tuple[str, AnalysisStatus | None, AnalysisStatus], int]) -> None:
    """Count transitions: by workspace, status before (None: a new analysis) and status after."""
    changes: Counter[Place] = Counter()
    for (workspace, before, after), count in moves.items():
        if before is not None:
            changes[workspace, before.value] -= count
        changes[workspace, after.value] += count
    add(script, changes)


async def count_deleted(connection: AsyncConnection, rows: Iterable[Any]) -> None:
    """Count the deletion of these analyses (workspace, status), in the transaction that deletes them."""
    changes: Counter[Place] = Counter()
    for row in rows:
        changes[row.workspace, row.status] -= 1
    await run(connection, lambda script: add(script, changes))


async def count_again(connection: AsyncConnection) -> None:
    """Replace the numbers by those of all analyses. No other transaction may change analyses meanwhile."""
    column, kept = tables.analysis.c, tables.status_count
    counted = select(column.workspace, column.status, literal(0), func.count())
    await connection.execute(delete(kept))
    columns = ["workspace", "status", "writer", "total"]
    statement = insert(kept).from_select(columns, counted.group_by(column.workspace, column.status))
    await connection.execute(statement)


async def correct(database: Database) -> int:
    """Add the differences between the numbers and the analyses; returns the number of differences.

    Programs of an earlier release change statuses without the numbers. One statement reads both, so that it sees no
    half of another transaction. On PostgreSQL, rows of ended writers become one.
    """
    column, kept = tables.analysis.c, tables.status_count.c
    counted = select(column.workspace, column.status, func.count().label("total"))
    counted = counted.group_by(column.workspace, column.status)
    known = select(kept.workspace, kept.status, -kept.total)
    # Two parts, each by its index.
    every = union_all(counted.where(tables.finished), counted.where(tables.unfinished), known).subquery()
    difference = func.sum(every.c.total)
    statement = select(every.c.workspace, every.c.status, difference)
    statement = statement.group_by(every.c.workspace, every.c.status).having(difference != 0)
    async with database.read() as connection:
        found = {(row[0], row[1]): int(row[2]) for row in (await connection.execute(statement)).all()}
    if found or not database.is_sqlite:
        async with database.write() as connection:
            await run(connection, lambda script: add(script, found))
            if not database.is_sqlite:
                await connection.execute(_FOLD)
    return len(found)
