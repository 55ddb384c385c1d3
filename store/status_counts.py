"""Numbers of analyses by status, for lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.filters import AnalysisFilter, analyses_where
from store.queue.transitions import COUNTER
from store.sql.scope import mine
from store.sql.viewer import Viewer
from store.tables import AnalysisStatus

MOST_COUNTED = 10_000
"""Analyses of one status that are counted under a filter."""


class StatusCount(NamedTuple):
    """The number of analyses with one status. Not exact: at least as many."""

    status: AnalysisStatus
    count: int  # type: ignore[assignment]  # in place of the method of tuples
    exact: bool


async def status_counts(connection: AsyncConnection, viewer: Viewer, where: AnalysisFilter) -> list[StatusCount]:
    """Count the viewer's analyses that match the filter without its status, for each status.

    Without a filter by the kept numbers, for a complete batch by its counters, otherwise up to MOST_COUNTED of each.
    """
    where = replace(where, status=None)
    known: Mapping[AnalysisStatus, int] | None = None
    if where == AnalysisFilter():
        known = await _kept(connection, viewer)
    elif where == AnalysisFilter(batch_id=where.batch_id):
        known = await _of_batch(connection, viewer, where.batch_id or "")
    if known is not None:
        return [StatusCount(status, known.get(status, 0), True) for status in AnalysisStatus]
    conditions = analyses_where(viewer, where)
    counts = [_limited(status, conditions) for status in AnalysisStatus]
    found = (await connection.execute(select(*counts))).one()
    return [
        StatusCount(status, min(count, MOST_COUNTED), count <= MOST_COUNTED)
        for status, count in zip(AnalysisStatus, found, strict=True)
    ]


async def _kept(connection: AsyncConnection, viewer: Viewer) -> dict[AnalysisStatus, int]:
    kept = tables.status_count.c
    statement = select(kept.status, func.sum(kept.total)).where(mine(tables.status_count, viewer))
    found = await connection.execute(statement.group_by(kept.status))
    # Not below 0, as they could be between an update of the program and the next correction.
    return {AnalysisStatus(status): max(int(total), 0) for status, total in found.all()}


async def _of_batch(connection: AsyncConnection, viewer: Viewer, batch_id: str) -> dict[AnalysisStatus, int] | None:
    batch = tables.batch.c
    counters = [batch[COUNTER[status]] for status in AnalysisStatus]
    complete = (batch.id == batch_id, mine(tables.batch, viewer), batch.thinned.is_(False))
    row = (await connection.execute(select(*counters).where(*complete))).first()
    return None if row is None else dict(zip(AnalysisStatus, row, strict=True))


def _limited(status: AnalysisStatus, conditions: list[ColumnElement[bool]]) -> ColumnElement[int]:
    column = tables.analysis.c
    # The conditions of the indexes on ended, running and unfinished analyses.
    this: ColumnElement[bool]
    if status.ended:
        this = and_(tables.finished, column.status == status.value)
    elif status is AnalysisStatus.RUNNING:
        # Few analyses run at once. Without the subquery SQLite would read the index of the whole workspace.
        this = column.id.in_(select(column.id).where(tables.running, column.id > "").correlate(None))
    else:
        this = and_(tables.unfinished, column.status == status.value)
    rows: Select[Any] = select(literal_column("1")).select_from(tables.analysis).where(this, *conditions)
    # In the order of these indexes, or else SQLite chooses another one.
    rows = rows.order_by(column.id).limit(MOST_COUNTED + 1)
    return select(func.count()).select_from(rows.subquery()).scalar_subquery()
