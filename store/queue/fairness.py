"""The order of the queue: priority first, then turns, then age.

Turns share the workers out among what waits at one priority, by start-time fair queueing (Goyal, Vin and Cheng,
SIGCOMM 1996): a turn is a time that passes with the items that are served. A batch begins at the present turn of its
lane (an analyzer and a priority) and its items advance by one each, so that two batches go on side by side; what was
submitted alone makes up one more such flow, whose items go before those of batches. So nothing new stands behind the
whole of what is there, and nothing that is there behind all that comes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.sql.script import Script
from store.sql.statements import Bulk

# So many items of a batch have one turn: a chunk of quick ones is not cut to crumbs where many batches wait.
BLOCK = 16


class Lane(NamedTuple):
    """What is served in the order of its turns alone."""

    analyzer: str
    priority: int


class Head(NamedTuple):
    """The first row of a lane. `last_alone` is the last turn that waits there of what was submitted alone."""

    id: str
    analyzer: str
    priority: int
    turn: int
    batch_id: str | None
    last_alone: int | None = None

    @property
    def lane(self) -> Lane:
        """Where it stands."""
        return Lane(self.analyzer, self.priority)

    @property
    def time(self) -> int:
        """The lane's present turn: what comes alone now goes before the batch that is served."""
        return self.turn if self.batch_id is None else self.turn - 1


# From each lane to the next: SQLite and PostgreSQL have no skip scan of their own.
_HEADS = text(
    f"""
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
)


async def heads(connection: AsyncConnection) -> list[Head]:
    """The head of every lane in which something waits: two or three look-ups each, however much waits."""
    return [Head(*row) for row in (await connection.execute(_HEADS)).all()]


_FIRST = f"""
    SELECT head.id, head.analyzer, head.priority, head.turn, head.batch_id
    FROM (SELECT {{value}} AS value FROM {{names}}) AS name JOIN analysis AS head ON head.id = (
      SELECT id FROM analysis WHERE {tables.queued} AND analyzer = name.value
      ORDER BY analyzer, priority DESC, turn, id LIMIT 1
    )
    ORDER BY head.priority DESC, head.turn, head.id LIMIT 1
    """  # noqa: S608 - of constants
_FIRST_SQLITE = _FIRST.format(value="value", names="json_each(?)")
_FIRST_POSTGRESQL = _FIRST.format(value="unnest", names="unnest(?::text[])")


def first_of(script: Script, analyzers: Collection[str]) -> Head | None:
    """The head of the queue among what waits for these analyzers: one look-up for each of them."""
    found = script.rows(_FIRST_SQLITE if script.sqlite else _FIRST_POSTGRESQL, script.keys(sorted(analyzers)))
    return Head(*found[0]) if found else None


class Times:
    """The present turn of every lane."""

    def __init__(self, found: Sequence[Head]) -> None:
        self._heads = {head.lane: head for head in found}
        # A lane in which nothing waits is where the one is that is furthest behind at its priority.
        self._least: dict[int, int] = {}
        for head in found:
            self._least[head.priority] = min(self._least.get(head.priority, head.time), head.time)

    def of(self, lane: Lane) -> int:
        """Of this lane; 0 where nothing waits."""
        head = self._heads.get(lane)
        return self._least.get(lane.priority, 0) if head is None else head.time

    def first(self, lane: Lane, *, alone: bool) -> int:
        """The first turn of what comes now: a batch, or what is submitted alone, which goes before batches."""
        if not alone:
            return self.of(lane) + 1
        head = self._heads.get(lane)
        return self.of(lane) if head is None or head.last_alone is None else max(head.time, head.last_alone + 1)


async def times(connection: AsyncConnection) -> Times:
    """The present turns."""
    return Times(await heads(connection))


async def turns_for(connection: AsyncConnection, lanes: Sequence[Lane], *, alone: bool, after: int = -1) -> list[int]:
    """The turns of new items, in the order in which their lanes are given: of one batch, or each submitted alone.

    `after` is the last turn of what the batch had already.
    """
    now = await times(connection)
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
    """Give rows (id, analyzer, priority, turn) that begin to wait again no turn that is over.

    Time went on without them: with their old turns they would hold it back for all that is submitted meanwhile.
    """
    late = [(time, row.id) for row in rows if (time := now.of(Lane(row.analyzer, row.priority))) > row.turn]
    if late:
        await _SET_TURN.execute(connection, late)
