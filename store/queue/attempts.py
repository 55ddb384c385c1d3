"""Attempts of analyses, over all runs.

An analysis has the columns of its last attempt, so an analysis that completes at once stores nothing more. Each earlier
attempt is added to a JSON text in its row: when it ends with another attempt to follow, or when a retry begins a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select

from store import tables
from store.queue.transitions import Fault
from store.sql.columns import instant_of, microseconds
from store.sql.scope import ANYONE, mine, scope_of
from store.sql.short import Reader, Statement, is_one_of, is_sqlite, shapes
from store.sql.viewer import Viewer

# Attempts that an analysis keeps, the newest ones.
MOST_ATTEMPTS = 100

_column = tables.analysis.c
# The columns of an analysis that its attempts are read from.
COLUMNS = (
    *(_column.attempts, _column.attempt, _column.started_at, _column.finished_at, _column.worker_id),
    *(_column.error_code, _column.error_message, _column.error_retryable),
)


class Attempt(NamedTuple):
    """One attempt. `number` counts over all runs, from 1; a retry by a client begins a run."""

    number: int
    run: int
    started_at: datetime
    finished_at: datetime | None
    worker: str | None
    error: Fault | None


class _Kept(NamedTuple):
    """The JSON text: the present run, the number of attempts before it, and earlier attempts, oldest first."""

    run: int
    before: int
    attempts: list[list[Any]]

    @classmethod
    def load(cls, text: str | None) -> _Kept:
        return cls(1, 0, []) if text is None else cls(*orjson.loads(text))

    def dump(self) -> str:
        return orjson.dumps([self.run, self.before, self.attempts[-MOST_ATTEMPTS:]]).decode()

    def has(self, number: int) -> bool:
        return bool(self.attempts) and self.attempts[-1][0] >= number

    def add(self, row: Any, ended_at: datetime | None, fault: Fault | None) -> None:
        """Add the last attempt of a row, if the row has one that is not kept."""
        number = self.before + row.attempt
        if row.attempt and row.started_at is not None and not self.has(number):
            instants = [microseconds(row.started_at), ended_at and microseconds(ended_at)]
            error = fault and [fault.code, fault.message, fault.retryable]
            self.attempts.append([number, self.run, *instants, row.worker_id, error])


def after_attempt(row: Any, fault: Fault | None, now: datetime) -> str:
    """Return the new `attempts` of a row whose attempt ends now, with another one to follow."""
    kept = _Kept.load(row.attempts)
    kept.add(row, now, fault)
    return kept.dump()


def after_run(row: Any) -> str:
    """Return the new `attempts` of an ended row that begins a new run."""
    kept = _Kept.load(row.attempts)
    kept.add(row, row.finished_at, _fault(row))
    return kept._replace(run=kept.run + 1, before=kept.before + row.attempt).dump()


async def attempts_by_id(reader: Reader, viewer: Viewer, ids: Sequence[str]) -> dict[str, list[Attempt]]:
    """Return the attempts of the viewer's analyses among these, by id: at most `MOST_ATTEMPTS`, oldest first."""
    rows = await _by_id(is_sqlite(reader)).fetch(reader, {"ids": list(ids), **scope_of(viewer)})
    return {row.id: _attempts_of(row) for row in rows}


@shapes
def _by_id(sqlite: bool) -> Statement:
    these = (is_one_of(_column.id, "ids", sqlite=sqlite), mine(tables.analysis, ANYONE))
    return Statement(select(_column.id, *COLUMNS).where(*these), sqlite=sqlite)


def _attempts_of(row: Any) -> list[Attempt]:
    kept = _Kept.load(row.attempts)
    kept.add(row, row.finished_at, _fault(row))
    return [
        Attempt(number, run, instant_of(began), ended and instant_of(ended), worker, error and Fault(*error))
        for number, run, began, ended, worker, error in kept.attempts[-MOST_ATTEMPTS:]
    ]


def _fault(row: Any) -> Fault | None:
    return None if row.error_code is None else Fault(row.error_code, row.error_message or "", bool(row.error_retryable))
