"""The order of the queue: priority, then turn, then age.

Turns share the workers among the batches of one priority, by start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM
1996). A turn is the virtual time of an item, which advances with the served items. A batch begins at the present turn
of its lane (an analyzer and a priority), and its items advance by one each: batches of one lane are served side by
side. Analyses without a batch are one more flow, served before batches. A new submission therefore never waits for the
whole queue, and the queue never waits for all new submissions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.sql.script import EACH, Script, run
from store.sql.statements import Bulk

# Items of a batch per turn: with many queued batches, chunks of quick items keep this size at least.
BLOCK = 16


class Lane(NamedTuple):
    """An analyzer and a priority: rows of one lane are served in the order of their turns."""

    analyzer: str
    priority: int


class Head(NamedTuple):
    """The first row of a lane. `last_alone`: the last turn of the lane's queued analyses without a batch."""

    id: str
    analyzer: str
    priority: int
    turn: int
    batch_id: str | None
    last_alone: int | None = None

    @property
    def lane(self) -> Lane:
        """The lane of the row."""
        return Lane(self.analyzer, self.priority)

    @property
    def time(self) -> int:
        """The lane's present turn. A new analysis without a batch goes before the batch in service."""
        return self.turn if self.batch_id is None else self.turn - 1


# From each lane to the next: SQLite and PostgreSQL have no skip scan of their own.
_HEADS = f"""
    WITH RECURSIVE head AS (
      SELECT * FROM (
        SELECT id, analyzer, priority, turn, batch_id FROM analysis WHERE {tables.queued}
        ORDER BY analyzer, priority DESC, turn, id LIMIT 1
      ) AS first
      UNION ALL
      SELECT next.id, next.analyzer, next.priority, next.turn, next.batch_id
      FROM head JOIN analysis AS next ON next.id = coalesce(
        (SELECT id FROM analysis WHERE {tables.queued} AND analyzer = head.analyzer AND priority < head.priority
         ORDER BY analyzer, priority DESC, turn, id LIMIT 1),
        (SELECT id FROM analysis WHERE {tables.queued} AND analyzer > head.analyzer
         ORDER BY analyzer, priority DESC, turn, id LIMIT 1)
      )
    )
    SELECT head.*, (
      SELECT turn FROM analysis
      WHERE {tables.alone} AND analyzer = head.analyzer AND priority = head.priority
      ORDER BY turn DESC, id DESC LIMIT 1
    ) AS last_alone
    FROM head
    """  # noqa: S608 - of constants


async def heads(connection: AsyncConnection) -> list[Head]:
    """Return the head of every lane with queued rows, by two or three index look-ups each."""
    return await run(connection, _heads)


def _heads(script: Script) -> list[Head]:
    return [Head(*row) for row in script.rows(_HEADS)]


_FIRST = f"""
    SELECT head.id, head.analyzer, head.priority, head.turn, head.batch_id
    FROM {EACH} JOIN analysis AS head ON head.id = (
      SELECT id FROM analysis WHERE {tables.queued} AND analyzer = value
      ORDER BY analyzer, priority DESC, turn, id LIMIT 1
    )
    ORDER BY head.priority DESC, head.turn, head.id LIMIT 1
    """  # noqa: S608 - of constants


def first_of(script: Script, analyzers: Collection[str]) -> Head | None:
    """Return the head of the queue for these analyzers, by one index look-up each; None if nothing is queued."""
    found = script.rows(_FIRST, script.keys(sorted(analyzers)))
    return Head(*found[0]) if found else None


class Times:
    """The present turn of every lane."""

    def __init__(self, found: Sequence[Head]) -> None:
        self._heads = {head.lane: head for head in found}
        # An empty lane has the smallest present turn among the lanes of its priority.
        self._least: dict[int, int] = {}
        for head in found:
            self._least[head.priority] = min(self._least.get(head.priority, head.time), head.time)

    def of(self, lane: Lane) -> int:
        """Return the present turn of this lane; 0 if no lane of its priority has queued rows."""
        head = self._heads.get(lane)
        return self._least.get(lane.priority, 0) if head is None else head.time

    def first(self, lane: Lane, *, alone: bool) -> int:
        """Return the first turn of a new batch or, with `alone`, of a new analysis without a batch."""
        if not alone:
            return self.of(lane) + 1
        head = self._heads.get(lane)
        return self.of(lane) if head is None or head.last_alone is None else max(head.time, head.last_alone + 1)


async def times(connection: AsyncConnection) -> Times:
    """Read the present turns."""
    return Times(await heads(connection))


def turns_for(script: Script, lanes: Sequence[Lane], *, alone: bool, after: int = -1) -> list[int]:
    """Return the turns of new items, one for each lane given: items of one batch or, with `alone`, without a batch.

    `after`: the last turn of the batch's earlier items.
    """
    now = Times(_heads(script))
    begun = {lane: max(now.first(lane, alone=alone), after + 1) for lane in set(lanes)}
    given = dict.fromkeys(begun, 0)
    turns = []
    for lane in lanes:
        number = given[lane]
        given[lane] = number + 1
        turns.append(begun[lane] + (number if alone else number - number % BLOCK))
    return turns


_SET_TURN = Bulk.update(tables.analysis, ("turn",))


async def catch_up(connection: AsyncConnection, now: Times, rows: Iterable[Any]) -> None:
    """Raise past turns of rows (id, analyzer, priority, turn) that return to the queue to the present turn.

    With their old turns they would set back the lane's virtual time, and with it all later submissions.
    """
    late = [(time, row.id) for row in rows if (time := now.of(Lane(row.analyzer, row.priority))) > row.turn]
    if late:
        await _SET_TURN.execute(connection, late)
