"""Claims: a worker takes the head of the queue.

A claim is one conditional UPDATE that gives the row a new lease. Every later write of the worker is fenced by that
lease: a worker that was away too long overwrites nothing. `store.queue.fairness` has the order of the rows,
`store.queue.finish` the end of a claim, `store.queue.leases` its renewal.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.queue.announcements import announce_claimed, announce_queued
from store.queue.fairness import Head, Lane, first_of, heads
from store.queue.transitions import Step, record_alike, share_batches
from store.sql.columns import instant_of, microseconds
from store.sql.database import announce
from store.sql.ids import new_id
from store.sql.script import AMONG, Script, run
from store.tables import AnalysisEventType, AnalysisStatus

LEASE = timedelta(seconds=30)


class Claimed(NamedTuple):
    """The columns of a claimed row that a worker needs."""

    id: str
    workspace: str
    batch_id: str | None
    analyzer: str
    priority: int
    turn: int
    attempt: int
    max_attempts: int
    timeout_seconds: int
    progress: float
    lease: str
    stop_requested: str | None
    input_text: str | None
    input_data: str | None
    options: str
    queued_at: datetime


# A claim searches for further rows of its batch among this multiple of the rows that it may take.
_WINDOW = 8
_ALIKE = "analyzer = ? AND priority = ?"
_ALONE = f"SELECT id FROM analysis WHERE {tables.alone} AND {_ALIKE} ORDER BY turn, id LIMIT ?"  # noqa: S608
# Both databases keep the order of the inner query. Without an ORDER BY of its own the outer one stops at its LIMIT.
_OF_BATCH = f"""
    SELECT id FROM (
      SELECT id, batch_id FROM analysis WHERE {tables.queued} AND {_ALIKE} ORDER BY turn, id LIMIT ?
    ) AS near WHERE batch_id = ? LIMIT ?
    """  # noqa: S608 - of constants
# `status || ''` keeps PostgreSQL from reading a whole partial index instead of the rows by their ids.
_CLAIM = f"""
    UPDATE analysis SET
      status = 'RUNNING', lease = ?, lease_expires_at = ?, worker_id = ?, attempt = attempt + 1,
      progress = 0.0, progress_step = NULL, started_at = ?, queued_at = coalesce(queued_at, updated_at), updated_at = ?
    WHERE id {AMONG} AND status || '' = 'QUEUED'
    RETURNING {", ".join(Claimed._fields)}
    """  # noqa: S608 - of constants


async def claim(
    connection: AsyncConnection,
    worker_id: str,
    most: Callable[[str], int],
    now: datetime,
    lease: timedelta = LEASE,
    *,
    analyzers: Collection[str] | None = None,
    lane: Lane | None = None,
) -> list[Claimed]:
    """Claim the head of the queue, and the rows after it of the same batch, analyzer and priority.

    `analyzers` or `lane` restrict the claim. `most` returns the largest number of rows for an analyzer. Returns the
    rows in the order of the queue, under one lease that ends `lease` after now; empty if no row is claimable.
    """
    first: Head | None = None
    if lane is not None or analyzers is None:
        found = [head for head in await heads(connection) if lane in (None, head.lane)]
        first = min(found, key=lambda head: (-head.priority, head.turn, head.id), default=None)
        if first is None:
            return []

    def script(script: Script) -> list[Claimed] | None:
        head = first or first_of(script, analyzers or ())
        return None if head is None else _claim(script, head, worker_id, most(head.analyzer), now, lease)

    rows = await run(connection, script)
    if rows is None:
        return []
    if not rows:
        announce_queued(connection)  # other workers took this batch's rows; there may be another batch
        return []
    announce_claimed(connection)
    announce(connection, "events")
    return rows


def _claim(script: Script, head: Head, worker_id: str, most: int, now: datetime, lease: timedelta) -> list[Claimed]:
    share_batches(script, "claim ", [head.batch_id])
    if head.batch_id is None:
        found = script.rows(_ALONE, *head.lane, most)
    else:
        found = script.rows(_OF_BATCH, *head.lane, _WINDOW * most, head.batch_id, most)
    instant = microseconds(now)
    claimed = (new_id("lease"), microseconds(now + lease), worker_id, instant, instant)
    # A statement of its own: without statistics PostgreSQL expects few queued rows, and chose a slow join.
    found = script.rows(_CLAIM, *claimed, script.keys([id_ for (id_,) in found]))
    since = {value: instant_of(value) for value in {row[-1] for row in found}}
    rows = [Claimed._make((*row[:-1], since[row[-1]])) for row in found]
    if rows:
        rows.sort(key=attrgetter("turn", "id"))
        alike: dict[tuple[str, int], list[str]] = {}
        for row in rows:
            alike.setdefault((row.workspace, row.attempt), []).append(row.id)
        queued, running, event = AnalysisStatus.QUEUED, AnalysisStatus.RUNNING, AnalysisEventType.ANALYSIS_STARTED
        steps = {
            Step(workspace, head.batch_id, queued, running, event, attempt, analyzer=head.analyzer): ids
            for (workspace, attempt), ids in alike.items()
        }
        record_alike(script, steps, now)
    return rows
