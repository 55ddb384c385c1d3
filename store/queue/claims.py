"""Claims: a worker takes the head of the queue.

A claim is one conditional UPDATE that gives the row a fresh lease. Whatever a worker says about a row later holds only
while the row runs under that lease: a worker that was away too long writes over nothing. Which row comes first says
`store.queue.fairness`, how a claim ends `store.queue.finish`, and how long it lasts `store.queue.leases`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.queue.announcements import announce_claimed, announce_queued
from store.queue.fairness import Head, Lane, first_of, heads
from store.queue.transitions import Step, record_alike, share_turns
from store.sql.columns import instant_of, microseconds
from store.sql.database import announce
from store.sql.ids import new_id
from store.sql.script import AMONG, Script, run
from store.tables import AnalysisEventType, AnalysisStatus

LEASE = timedelta(seconds=30)


class Claimed(NamedTuple):
    """What a worker needs of a row that it has claimed."""

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


# A claim looks for more of its batch among so many times the rows that it may take.
_WINDOW = 8
_ALIKE = "analyzer = ? AND priority = ?"
_ALONE = f"SELECT id FROM analysis WHERE {tables.alone} AND {_ALIKE} ORDER BY turn, id LIMIT ?"  # noqa: S608
# The outer query has no order of its own, which both databases keep: so it ends with the last row that is taken.
_OF_BATCH = f"""
    SELECT id FROM (
      SELECT id, batch_id FROM analysis WHERE {tables.queued} AND {_ALIKE} ORDER BY turn, id LIMIT ?
    ) AS near WHERE batch_id = ? LIMIT ?
    """  # noqa: S608 - of constants
# Not as a partial index has it: rows are named by their ids here, and PostgreSQL would read the whole index instead.
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
    """Claim the head of the queue and what follows of the same batch, analyzer and priority.

    Of these analyzers alone, or of this lane, where one is given. `most` says how many at once, by the analyzer. What
    comes back is in the queue's order, all under one lease that runs for `lease` from now; empty when nothing waits.
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
        announce_queued(connection)  # others were faster with this batch: there may be another
        return []
    announce_claimed(connection)
    announce(connection, "events")
    return rows


def _claim(script: Script, head: Head, worker_id: str, most: int, now: datetime, lease: timedelta) -> list[Claimed]:
    share_turns(script, "claim ", [head.batch_id])
    if head.batch_id is None:
        found = script.rows(_ALONE, *head.lane, most)
    else:
        found = script.rows(_OF_BATCH, *head.lane, _WINDOW * most, head.batch_id, most)
    instant = microseconds(now)
    claimed = (new_id("lease"), microseconds(now + lease), worker_id, instant, instant)
    # By itself: PostgreSQL, which thinks that next to nothing waits while it has no statistics, joined it the long way.
    found = script.rows(_CLAIM, *claimed, script.keys([id_ for (id_,) in found]))
    since = {value: instant_of(value) for value in {row[-1] for row in found}}
    rows = [Claimed._make((*row[:-1], since[row[-1]])) for row in found]
    if rows:
        rows.sort(key=lambda row: (row.turn, row.id))
        alike: dict[tuple[str, int], list[str]] = {}
        for row in rows:
            alike.setdefault((row.workspace, row.attempt), []).append(row.id)
        queued, running, event = AnalysisStatus.QUEUED, AnalysisStatus.RUNNING, AnalysisEventType.ANALYSIS_STARTED
        steps = {
            Step(workspace, head.batch_id, queued, running, event, attempt): ids
            for (workspace, attempt), ids in alike.items()
        }
        record_alike(script, steps, now)
    return rows
