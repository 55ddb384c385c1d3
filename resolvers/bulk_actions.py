"""Bulk actions: start, count, stop. `jobs.bulk_actions` carries them out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from resolvers.context import Context
from resolvers.filters import require_analyses
from resolvers.idempotency import deleted, digest_of, refusing_other_input
from resolvers.user_errors import (
    Refused,
    UserError,
    UserErrorCode,
    answers,
    check_name,
    check_number,
    require_id,
    require_none,
)
from store.bulk_actions import (
    MAX_IDS,
    Counts,
    Selection,
    bulk_actions_by_id,
    count_selection,
    insert_bulk_action,
    stop_bulk_action,
)
from store.filters import AnalysisFilter, write_filter
from store.idempotency import find_key, take_key
from store.sql.clock import utcnow
from store.sql.ids import new_id
from store.tables import BulkActionKind, BulkActionRow

# Largest number of the scalar Int.
_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Order:
    """A client's input of `run_bulk_action`."""

    kind: BulkActionKind
    ids: Sequence[str] | None
    where: AnalysisFilter | None
    created_before: datetime | None
    expected: int | None
    dry_run: bool
    idempotency_key: str | None


@dataclass(frozen=True, slots=True)
class RunPayload:
    """Answer of `run_bulk_action`."""

    action: BulkActionRow | None = None
    matched: int = 0
    eligible: int = 0
    user_errors: Sequence[UserError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StopPayload:
    """Answer of `stop_bulk_action`."""

    action: BulkActionRow | None = None
    user_errors: Sequence[UserError] = field(default_factory=list)


@answers(RunPayload)
async def run_bulk_action(context: Context, order: Order) -> RunPayload:
    """Start an action on many analyses, or, in a dry run, count them. An id of no visible analysis matches nothing."""
    order = _require(order)
    database, viewer, now = context.services.database, context.viewer, utcnow()
    created_before = now if order.created_before is None else order.created_before
    selection = Selection(order.kind, order.where, order.ids or (), created_before)
    key, digest = None if order.dry_run else order.idempotency_key, _digest(order)
    if key is not None:  # before the count: the analyses may have changed since the first call
        async with database.read() as connection:
            with refusing_other_input():
                earlier = await find_key(connection, viewer, key, digest, now)
        if earlier is not None:
            return await _started(context, earlier)
    async with database.read() as connection:
        counts = await count_selection(connection, viewer, selection)
    if order.expected is not None and counts.eligible > order.expected:
        return _unexpected(counts, order.expected)
    if order.dry_run:
        return RunPayload(None, counts.matched, counts.eligible)
    id_ = new = new_id("bulk")
    try:
        async with database.write() as connection:
            if key is not None:
                with refusing_other_input():
                    id_ = await take_key(connection, viewer, key, digest, new, now)
            if id_ == new:
                eligible = await insert_bulk_action(connection, viewer, new, selection, counts.matched, now)
                if order.expected is not None and eligible > order.expected:  # since the count
                    raise _More(Counts(max(counts.matched, eligible), eligible))
    except _More as more:
        assert order.expected is not None
        return _unexpected(more.counts, order.expected)
    return await _started(context, id_)


class _More(Exception):
    """More analyses are eligible than expected: the transaction rolls back."""

    def __init__(self, counts: Counts) -> None:
        super().__init__()
        self.counts = counts


def _unexpected(counts: Counts, expected: int) -> RunPayload:
    message = f"{counts.eligible:,} analyses permit the action now: `expected` is {expected:,}."
    error = UserError(UserErrorCode.CONFLICT, message, ["expected"])
    return RunPayload(None, counts.matched, counts.eligible, [error])


async def _started(context: Context, id_: str) -> RunPayload:
    """Return the action that this call, or the first one with the same key, has started."""
    context.forget()
    row = await context.load(bulk_actions_by_id, id_)
    if row is None:
        raise deleted()
    return RunPayload(row, row.matched, row.eligible)


@answers(StopPayload)
async def stop_action(context: Context, id_: str) -> StopPayload:
    """Stop a running action after its current slice."""
    require_id("bulk", id_)
    async with context.services.database.write() as connection:
        stopped = await stop_bulk_action(connection, context.viewer, id_, utcnow())
    context.forget()
    row = await context.load(bulk_actions_by_id, id_)
    if row is None:
        raise Refused(UserError(UserErrorCode.NOT_FOUND, "There is no bulk action with this id.", ["id"]))
    if not stopped:
        message = f"The bulk action is {row.status}: only running actions can be stopped."
        raise Refused(UserError(UserErrorCode.CONFLICT, message, ["id"]))
    return StopPayload(row)


def _require(order: Order) -> Order:
    """Return the order with checked values. Raise Refused for invalid ones."""
    require_none(_faults(order))
    if order.ids is not None:
        ids = [require_id("analysis", id_, f"ids.{position}") for position, id_ in enumerate(order.ids)]
        return replace(order, ids=list(dict.fromkeys(ids)))
    assert order.where is not None
    return replace(order, where=require_analyses(order.where))


def _faults(order: Order) -> Iterator[UserError]:
    yield from check_name("idempotencyKey", order.idempotency_key, ["idempotencyKey"])
    if order.expected is not None:
        yield from check_number("expected", order.expected, 0, _MOST, ["expected"])
    if (order.ids is None) == (order.where is None):
        yield UserError(UserErrorCode.INVALID, "Exactly one of `ids` and `filter` must be set.")
    elif order.ids is not None:
        if not order.ids:
            yield UserError(UserErrorCode.INVALID, f"`ids` is empty: it must have from 1 to {MAX_IDS:,} ids.", ["ids"])
        if len(order.ids) > MAX_IDS:
            message = f"`ids` has {len(order.ids):,} ids: it must have from 1 to {MAX_IDS:,}."
            yield UserError(UserErrorCode.TOO_LARGE, message, ["ids"])
    elif order.where is not None:
        if order.where.matches_all:
            message = "`filter` has no condition: it must have at least one."
            yield UserError(UserErrorCode.INVALID, message, ["filter"])
        if order.kind is BulkActionKind.DELETE and order.expected is None and not order.dry_run:
            message = "`expected` is missing: a deletion by `filter` must have the number of a dry run."
            yield UserError(UserErrorCode.INVALID, message, ["expected"])


def _digest(order: Order) -> str:
    where = None if order.where is None else write_filter(order.where)
    created_before = order.created_before and order.created_before.isoformat()
    return digest_of(["runBulkAction", order.kind, order.ids, where, created_before, order.expected])
