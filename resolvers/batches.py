"""Batches: read, list, cancel, retry, delete. How they are submitted is in `resolvers.submissions`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from sqlalchemy.ext.asyncio import AsyncConnection

from resolvers.analyses import DeletedPayload
from resolvers.context import Context
from resolvers.paging import Connection, each_once, page_fault, page_request
from resolvers.user_errors import UserError, UserErrorCode, check_id, not_found, require_id, state_of
from resolvers.waiting import wait_until_ended
from store.batches import (
    batch_by_id,
    count_batches,
    delete_batch,
    go_on_deleting,
    page_of_batches,
    request_batch_stop,
)
from store.queue.retries import go_on_retrying, retry_batch
from store.sql.clock import utcnow
from store.sql.paging import PageError
from store.tables import AnalysisStatus, BatchRow, BatchStatus

# A cancel answers when the work is gone, or after this long; so does what is done to large batches in slices.
_WAIT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class BatchPayload:
    """What a mutation of one batch answers."""

    batch: BatchRow | None = None
    user_errors: Sequence[UserError] = field(default_factory=list)


async def batch(context: Context, id_: str) -> BatchRow | None:
    """None where there is none, or it is not the viewer's to see."""
    return await context.batches.load(require_id("batch", id_))


async def batches(
    context: Context,
    status: Sequence[BatchStatus] | None,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Connection[BatchRow]:
    """A page of the viewer's batches, newest first. Raises ClientError for arguments out of bounds."""
    status = each_once(status)
    request = page_request(first, after, last, before)
    async with context.services.database.read() as connection:
        try:
            page = await page_of_batches(connection, context.viewer, status, request)
        except PageError as error:
            raise page_fault(error) from None

    async def count() -> int:
        async with context.services.database.read() as connection:
            return await count_batches(connection, context.viewer, status)

    return Connection.of(page, count)


async def cancel_batch(context: Context, id_: str) -> BatchPayload:
    """Take back what is queued and stop what runs; answers when all is gone, or after two seconds."""
    fault = check_id("batch", id_)
    if fault is not None:
        return BatchPayload(user_errors=[fault])
    async with context.services.database.write() as connection:
        stopped = await request_batch_stop(connection, context.viewer, id_, AnalysisStatus.CANCELED, utcnow())
    if not stopped:
        return BatchPayload(
            user_errors=[await _refusal(context, id_, "a batch that has not ended can be canceled, and once")]
        )
    await wait_until_ended(context, batch_id=id_, seconds=_WAIT_SECONDS)
    context.forget()
    return BatchPayload(await context.batches.load(id_))


async def retry_failed(context: Context, id_: str) -> BatchPayload:
    """Queue its failed, canceled and timed-out items again."""
    fault = check_id("batch", id_)
    if fault is not None:
        return BatchPayload(user_errors=[fault])
    async with context.services.database.write() as connection:
        retried = await retry_batch(connection, context.viewer, id_, utcnow())
    if not retried:
        allowed = "items that FAILED, were CANCELED or TIMED_OUT, and whose input had been accepted, can be retried"
        return BatchPayload(user_errors=[await _refusal(context, id_, allowed)])
    await _go_on(context, lambda connection: go_on_retrying(connection, utcnow()))
    context.forget()
    return BatchPayload(await context.batches.load(id_))


async def remove_batch(context: Context, id_: str) -> DeletedPayload:
    """Delete a batch that has ended, and its items."""
    fault = check_id("batch", id_)
    if fault is not None:
        return DeletedPayload(user_errors=[fault])
    async with context.services.database.write() as connection:
        deleted = await delete_batch(connection, context.viewer, id_)
    if not deleted:
        return DeletedPayload(user_errors=[await _refusal(context, id_, "a batch that has ended can be deleted")])
    await _go_on(context, go_on_deleting)
    context.forget()
    return DeletedPayload(id_)


async def _go_on(context: Context, slice_: Callable[[AsyncConnection], Awaitable[bool]]) -> None:
    """Do slice after slice, for a while; what is left then is the keeper's."""
    until = monotonic() + _WAIT_SECONDS
    more = True
    while more and monotonic() < until:
        async with context.services.database.write() as connection:
            more = await slice_(connection)


async def _refusal(context: Context, id_: str, allowed: str) -> UserError:
    async with context.services.database.read() as connection:
        row = await batch_by_id(connection, context.viewer, id_)
    if row is None:
        return not_found("batch")
    return UserError(UserErrorCode.CONFLICT, f"It is {state_of(row)}: only {allowed}.", ["id"])
