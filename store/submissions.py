"""Submissions: an analysis or a batch with its idempotency key, in one transaction, answered without a read.

Analyses share transactions (`store.sql.group`). A batch has its own, as its items share one already.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import NamedTuple, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.batches import write_batch
from store.idempotency import IdempotencyMismatch, NewKey, take_keys
from store.queue.enqueue import Columns, Limits, NewAnalysis, announce_new, count_refused, write_analyses
from store.sql.clock import utcnow
from store.sql.columns import instant_of
from store.sql.database import Database
from store.sql.group import Group
from store.sql.script import Script
from store.tables import INLINE_BYTES, AnalysisRow, BatchRow, Form


class Key(NamedTuple):
    """The idempotency key of a submission, and the hash of its input."""

    name: str
    input_hash: str


class Submission(NamedTuple):
    """One analysis to submit, with its new id."""

    id: str
    item: NewAnalysis
    limits: Limits
    key: Key | None = None


class Submitted(NamedTuple):
    """The id and row of a submitted analysis. The row is None if an earlier call with the key made the analysis."""

    id: str
    row: AnalysisRow | None


class Submissions:
    """The submissions of one server instance. `close()` must be awaited before the database closes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._group = Group[Submission, Submitted](database, _write, _announce, _size)

    async def submit(self, submission: Submission) -> Submitted:
        """Queue one analysis. Raises IdempotencyMismatch."""
        return await self._group.add(submission)

    async def submit_batch(
        self, batch_id: str, name: str | None, items: Sequence[NewAnalysis], limits: Limits, key: Key | None
    ) -> BatchRow | str:
        """Queue a batch of at least one item, and return its row; the id of an earlier call's batch with this key.

        Raises IdempotencyMismatch.
        """

        def write(script: Script) -> BatchRow | str:
            now = utcnow()
            if key is not None:
                [answer] = take_keys(script, [NewKey(limits.workspace, *key, batch_id)], now)
                if isinstance(answer, IdempotencyMismatch):
                    raise answer
                if answer != batch_id:
                    return answer
            return write_batch(script, batch_id, name, items, limits, now)

        def announce(connection: AsyncConnection, answer: BatchRow | str) -> None:
            if not isinstance(answer, str):
                count_refused(connection, items)
                announce_new(connection, len(items), alone=False)

        return await self._database.transact(write, announce)

    async def close(self) -> None:
        """Wait for the end of running submissions."""
        await self._group.close()


def _size(submission: Submission) -> int:
    item = submission.item
    return len(item.input_text or "") + len(item.input_data or "") + len(item.options)


def _write(script: Script, members: Sequence[Submission]) -> list[Submitted | Exception]:
    now = utcnow()
    keys = [NewKey(each.limits.workspace, *each.key, each.id) for each in members if each.key]
    taken = dict(zip([key.subject_id for key in keys], take_keys(script, keys, now), strict=True)) if keys else {}
    new = [each for each in members if taken.get(each.id, each.id) == each.id]
    rows: dict[str, AnalysisRow] = {}
    if new:
        ids = [each.id for each in new]
        columns = write_analyses(script, [each.item for each in new], ids, [each.limits for each in new], now)
        rows = {id_: _row_of(columns, number) for number, id_ in enumerate(ids)}
    answers: list[Submitted | Exception] = []
    for each in members:
        answer = taken.get(each.id, each.id)
        answers.append(answer if isinstance(answer, Exception) else Submitted(answer, rows.get(answer)))
    return answers


def _announce(connection: AsyncConnection, answers: Sequence[Submitted | Exception]) -> None:
    new = {each.id for each in answers if isinstance(each, Submitted) and each.row is not None}
    if new:
        announce_new(connection, len(new), alone=True)


# The columns that an insert leaves to their defaults.
_LEFT = {column.name: None for column in tables.shown} | {"result_form": Form.MODEL.value, "result_bytes": 0}


def _row_of(columns: Columns, number: int) -> AnalysisRow:
    """Return an inserted row as a read of `tables.shown` would."""
    values = {name: column[number] for name, column in columns.items()}
    values["created_at"] = values["updated_at"] = instant_of(values["created_at"])
    values["input_bytes"] = values["input_bytes"] or 0
    for content, size in (("input_text", "input_bytes"), ("input_data", "input_bytes"), ("options", "options_bytes")):
        if values[content] is not None and values[size] > INLINE_BYTES:
            values[content] = ""
    return cast(AnalysisRow, SimpleNamespace(**_LEFT | values))
