"""Batches: read, list, cancel, retry, delete. Submission: `resolvers.submissions`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from sqlalchemy.ext.asyncio import AsyncConnection

from resolvers.analyses import DeletedPayload
from resolvers.context import Context
from resolvers.filters import require_batches
from resolvers.paging import Connection, read_page
from resolvers.user_errors import UserError, answers, require_id, wrong_state
from resolvers.waiting import wait_until_ended
from store.batches import (
    BatchOrderField,
    batches_by_id,
    count_batches,
    delete_batch,
    go_on_deleting,
    page_of_batches,
    request_batch_stop,
)
from store.filters import BatchFilter
from store.queue.retries import RetryFigures, go_on_retrying, retry_batch, retry_figures
from store.sql.clock import utcnow
from store.sql.paging import PageArguments
from store.tables import AnalysisStatus, BatchRow

# Longest time that a cancel waits for running items, and that a large batch is changed before the keeper takes over.
_WAIT_SECONDS = 2.0
# The subscription sends a batch at most every 0.1 s: more often nobody can see.
INTERVAL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class BatchPayload:
    """Answer of a mutation of one batch."""

    batch: BatchRow | None = None
    user_errors: Sequence[UserError] = field(default_factory=list)


async def batch(context: Context, id_: str) -> BatchRow | None:
    """Return a batch; None if the viewer can't see one with this id."""
    return await context.load(batches_by_id, require_id("batch", id_))


async def batches(
    context: Context, where: BatchFilter, order: BatchOrderField, descending: bool, page: PageArguments
) -> Connection[BatchRow]:
    """Return a page of the viewer's batches. Raise ClientError for arguments out of bounds."""
    where, viewer = require_batches(where), context.viewer
    return await read_page(
        context.services.database,
        lambda reader: page_of_batches(reader, viewer, where, page, order=order, descending=descending),
        lambda connection: count_batches(connection, viewer, where),
    )


async def figures(context: Context, row: BatchRow) -> RetryFigures:
    """Return the numbers of rejected and of retryable items."""
    return await context.load_together(retry_figures, row.id) or RetryFigures(
        0, 0
    )  # none if the batch was deleted since


@answers(BatchPayload)
async def cancel_batch(context: Context, id_: str) -> BatchPayload:
    """Cancel the queued items and stop the running ones; return when all have ended, or after two seconds."""
    require_id("batch", id_)
    async with context.services.database.write() as connection:
        stopped = await request_batch_stop(connection, context.viewer, id_, AnalysisStatus.CANCELED, utcnow())
    if not stopped:
        context.forget()
        rule = "only batches that have not ended can be canceled, and only once"
        raise wrong_state("batch", await context.load(batches_by_id, id_), rule)
    await wait_until_ended(context, id_, seconds=_WAIT_SECONDS)
    context.forget()
    return BatchPayload(await context.load(batches_by_id, id_))


@answers(BatchPayload)
async def retry_failed(context: Context, id_: str) -> BatchPayload:
    """Queue the failed, canceled and timed-out items again."""
    require_id("batch", id_)
    async with context.services.database.write() as connection:
        retried = await retry_batch(connection, context.viewer, id_, utcnow())
    if not retried:
        context.forget()
        rule = "only FAILED, CANCELED or TIMED_OUT items with accepted input can be retried"
        raise wrong_state("batch", await context.load(batches_by_id, id_), rule)
    await _repeat(context, lambda connection: go_on_retrying(connection, utcnow()))
    context.forget()
    return BatchPayload(await context.load(batches_by_id, id_))


@answers(DeletedPayload)
async def remove_batch(context: Context, id_: str) -> DeletedPayload:
    """Delete an ended batch with its items."""
    require_id("batch", id_)
    async with context.services.database.write() as connection:
        deleted = await delete_batch(connection, context.viewer, id_, utcnow())
    if not deleted:
        context.forget()
        raise wrong_state("batch", await context.load(batches_by_id, id_), "only ended batches can be deleted")
    await _repeat(context, go_on_deleting)
    context.forget()
    return DeletedPayload(id_)


async def _repeat(context: Context, slice_: Callable[[AsyncConnection], Awaitable[bool]]) -> None:
    """Run slices, a transaction each, until none is left or `_WAIT_SECONDS` are over; the keeper runs the rest."""
    until = monotonic() + _WAIT_SECONDS
    more = True
    while more and monotonic() < until:
        async with context.services.database.write() as connection:
            more = await slice_(connection)
