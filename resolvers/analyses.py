"""Analyses: read, list, cancel, retry, delete. How they are submitted is in `resolvers.submissions`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from pydantic import ValidationError

from analyzers.base import AnalysisFailure, Analyzer, Job, Request, Result
from execution.errors import ClientError, ErrorCode
from resolvers import old_forms
from resolvers.context import Context
from resolvers.paging import Connection, each_once, page_fault, page_request
from resolvers.user_errors import UserError, UserErrorCode, check_id, not_found, require_id, state_of
from resolvers.waiting import wait_until_ended
from store import tables
from store.analyses import (
    AnalysisFilter,
    OrderField,
    analysis_by_id,
    count_analyses,
    delete_analysis,
    page_of_analyses,
    page_of_results,
    request_stop,
)
from store.queue.retries import retry_analyses
from store.queue.transitions import Fault
from store.sql.clock import utcnow
from store.sql.paging import PageError
from store.tables import AnalysisRow, AnalysisStatus, Form

# A cancel answers when the work is gone, or after this long.
_CANCEL_WAIT_SECONDS = 2.0
_MAX_SEARCH_WORDS, _MAX_SEARCH = 10, 200
_MAX_NAMES = 100


@dataclass(frozen=True, slots=True)
class AnalysisPayload:
    """What a mutation of one analysis answers."""

    analysis: AnalysisRow | None = None
    user_errors: Sequence[UserError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DeletedPayload:
    """What a deletion answers."""

    deleted_id: str | None = None
    user_errors: Sequence[UserError] = field(default_factory=list)


async def analysis(context: Context, id_: str) -> AnalysisRow | None:
    """None where there is none, or it is not the viewer's to see."""
    return await context.analyses.load(require_id("analysis", id_))


async def analyses(
    context: Context,
    where: AnalysisFilter,
    order: OrderField,
    descending: bool,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Connection[AnalysisRow]:
    """A page of the viewer's analyses. Raises ClientError for arguments out of bounds."""
    if where.batch_id is not None:
        require_id("batch", where.batch_id, "filter.batchId")
    if where.search is not None:
        _check_search(where.search)
    if where.analyzer is not None:
        _check_names(where.analyzer)
    where = replace(where, status=each_once(where.status))
    request = page_request(first, after, last, before)
    async with context.services.database.read() as connection:
        try:
            page = await page_of_analyses(
                connection, context.viewer, where, request, order=order, descending=descending
            )
        except PageError as error:
            raise page_fault(error) from None

    async def count() -> int:
        async with context.services.database.read() as connection:
            return await count_analyses(connection, context.viewer, where)

    return Connection.of(page, count)


def _check_search(search: str) -> None:
    if len(search) > _MAX_SEARCH or len(search.split()) > _MAX_SEARCH_WORDS or "\0" in search:
        message = f"`search` has at most {_MAX_SEARCH_WORDS} words and {_MAX_SEARCH} characters, and no NUL."
        raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument="filter.search")


def _check_names(names: Sequence[str]) -> None:
    if len(names) > _MAX_NAMES or any("\0" in name for name in names):
        message = f"`analyzer` has at most {_MAX_NAMES} names, and no NUL in any."
        raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument="filter.analyzer")


async def results(
    context: Context,
    batch_id: str,
    status: Sequence[AnalysisStatus] | None,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Connection[AnalysisRow]:
    """A page of a batch's items, in the order in which they were given."""
    status = each_once(status)
    request = page_request(first, after, last, before)
    async with context.services.database.read() as connection:
        try:
            page = await page_of_results(connection, context.viewer, batch_id, status, request)
        except PageError as error:
            raise page_fault(error) from None

    async def count() -> int:
        where = AnalysisFilter(status=status, batch_id=batch_id)
        async with context.services.database.read() as connection:
            return await count_analyses(connection, context.viewer, where)

    return Connection.of(page, count)


def result(context: Context, row: AnalysisRow) -> Result | StoredResult | None:
    """Return the result as its analyzer's own type; as JSON if the server lacks that analyzer or that version."""
    if row.result is None:
        return None
    analyzer = context.services.analyzers.get(row.analyzer)
    if analyzer is None:
        return StoredResult(row.result, row.result_form)
    try:
        found: Result = analyzer.result.model_validate_json(row.result)
    except ValidationError:
        return StoredResult(row.result, row.result_form)
    return found


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A result of a type that this server lacks: its JSON and that JSON's `Form`."""

    json: str
    form: int

    @property
    def data(self) -> Any:
        """The JSON in the clients' spelling."""
        kept = orjson.loads(self.json)
        return kept if self.form == Form.CLIENT else old_forms.untyped(kept)


def input_data(context: Context, row: AnalysisRow) -> Any:
    """Return the content, if it is no text, as its client gave it."""
    if row.input_data is None:
        return None
    if row.input_form == Form.CLIENT:
        return orjson.loads(row.input_data)
    return old_forms.input_data(row, context.services.analyzers.get(row.analyzer))


def options(context: Context, row: AnalysisRow) -> Any:
    """Return the options in the clients' spelling."""
    if row.input_form == Form.CLIENT:
        return orjson.loads(row.options)
    return old_forms.options(row, context.services.analyzers.get(row.analyzer))


def analyzer(context: Context, row: AnalysisRow) -> Analyzer[Any, Any]:
    """The analyzer that reads a row's input; one that this server does not have any more is shown by its name."""
    found = context.services.analyzers.get(row.analyzer)
    if found is not None:
        return found
    return Analyzer(
        name=row.analyzer,
        version="",
        description="This server does not have this analyzer any more.",
        request=_NoRequest,
        result=Result,
        run=_no_run,
    )


class _NoRequest(Request):
    text: str


def _no_run(_request: _NoRequest, _job: Job) -> Result:
    raise AnalysisFailure("UNSUPPORTED_FORMAT", "This server does not have this analyzer any more.")


def error(row: AnalysisRow) -> Fault | None:
    """Why it did not complete."""
    if row.error_code is None:
        return None
    return Fault(row.error_code, row.error_message or "", bool(row.error_retryable))


async def cancel_analysis(context: Context, id_: str) -> AnalysisPayload:
    """Take back what is queued, or stop what runs; answers when it is gone, or after two seconds."""
    fault = check_id("analysis", id_)
    if fault is not None:
        return AnalysisPayload(user_errors=[fault])
    async with context.services.database.write() as connection:
        stopped = await request_stop(connection, context.viewer, id_, AnalysisStatus.CANCELED, utcnow())
    if stopped is None:
        return AnalysisPayload(
            user_errors=[await _refusal(context, id_, "what is queued or runs can be canceled, and once")]
        )
    if not AnalysisStatus(stopped.status).ended:
        await wait_until_ended(context, analysis_id=id_, seconds=_CANCEL_WAIT_SECONDS)
    context.forget()
    return AnalysisPayload(await context.analyses.load(id_))


async def retry_analysis(context: Context, id_: str) -> AnalysisPayload:
    """Queue again what ended otherwise than completed."""
    fault = check_id("analysis", id_)
    if fault is not None:
        return AnalysisPayload(user_errors=[fault])
    async with context.services.database.write() as connection:
        retried = await retry_analyses(connection, context.viewer, tables.analysis.c.id == id_, now=utcnow())
    if not retried:
        allowed = "what has FAILED, was CANCELED or TIMED_OUT can be retried, where its input had been accepted"
        return AnalysisPayload(user_errors=[await _refusal(context, id_, allowed)])
    context.forget()
    return AnalysisPayload(await context.analyses.load(id_))


async def remove_analysis(context: Context, id_: str) -> DeletedPayload:
    """Delete what has ended and is in no open batch."""
    fault = check_id("analysis", id_)
    if fault is not None:
        return DeletedPayload(user_errors=[fault])
    async with context.services.database.write() as connection:
        deleted = await delete_analysis(connection, context.viewer, id_)
    if not deleted:
        allowed = "what has ended can be deleted, an item of a batch once its batch has ended"
        return DeletedPayload(user_errors=[await _refusal(context, id_, allowed)])
    context.forget()
    return DeletedPayload(id_)


async def _refusal(context: Context, id_: str, allowed: str) -> UserError:
    async with context.services.database.read() as connection:
        row = await analysis_by_id(connection, context.viewer, id_)
    if row is None:
        return not_found("analysis")
    return UserError(UserErrorCode.CONFLICT, f"It is {state_of(row)}: only {allowed}.", ["id"])
