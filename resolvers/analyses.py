"""Analyses: read, list, cancel, retry, delete. Submission: `resolvers.submissions`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from pydantic import ValidationError

from analyzers.base import AnalysisErrorCode, AnalysisFailure, Analyzer, Job, Request, Result
from resolvers import old_forms
from resolvers.context import Context
from resolvers.paging import Connection, each_once, read_page
from resolvers.user_errors import Refused, UserError, UserErrorCode, answers, require_id, wrong_state
from resolvers.waiting import wait_until_ended
from store import tables
from store.analyses import (
    AnalysisFilter,
    AnalysisOrderField,
    analyses_by_id,
    count_analyses,
    delete_analysis,
    page_of_analyses,
    page_of_results,
    request_stop,
)
from store.queue.retries import retry_analyses
from store.queue.transitions import Fault
from store.sql.clock import utcnow
from store.sql.paging import PageArguments
from store.tables import AnalysisRow, AnalysisStatus, Form

# Longest time that a cancel waits for the end of the running attempt.
_CANCEL_WAIT_SECONDS = 2.0
_MAX_SEARCH_WORDS, _MAX_SEARCH = 10, 200
_MAX_NAMES = 100


@dataclass(frozen=True, slots=True)
class AnalysisPayload:
    """Answer of a mutation of one analysis."""

    analysis: AnalysisRow | None = None
    user_errors: Sequence[UserError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DeletedPayload:
    """Answer of a deletion."""

    deleted_id: str | None = None
    user_errors: Sequence[UserError] = field(default_factory=list)


async def analysis(context: Context, id_: str) -> AnalysisRow | None:
    """Return an analysis; None if the viewer can't see one with this id."""
    return await context.load(analyses_by_id, require_id("analysis", id_))


async def analyses(
    context: Context, where: AnalysisFilter, order: AnalysisOrderField, descending: bool, page: PageArguments
) -> Connection[AnalysisRow]:
    """Return a page of the viewer's analyses. Raise ClientError for arguments out of bounds."""
    if where.batch_id is not None:
        require_id("batch", where.batch_id, "filter.batchId")
    if where.search is not None:
        _require_search(where.search)
    if where.analyzer is not None:
        _require_names(where.analyzer)
    where = replace(where, status=each_once(where.status))
    viewer = context.viewer
    return await read_page(
        context.services.database,
        lambda connection: page_of_analyses(connection, viewer, where, page, order=order, descending=descending),
        lambda connection: count_analyses(connection, viewer, where),
    )


def _require_search(search: str) -> None:
    if len(search) > _MAX_SEARCH or len(search.split()) > _MAX_SEARCH_WORDS or "\0" in search:
        message = f"`search` must have at most {_MAX_SEARCH_WORDS} words and {_MAX_SEARCH} characters, and no NUL."
        raise Refused(UserError(UserErrorCode.INVALID, message, ["filter", "search"]))


def _require_names(names: Sequence[str]) -> None:
    if len(names) > _MAX_NAMES or any("\0" in name for name in names):
        message = f"`analyzer` must have at most {_MAX_NAMES} names, and no NUL in any."
        raise Refused(UserError(UserErrorCode.INVALID, message, ["filter", "analyzer"]))


async def results(
    context: Context, batch_id: str, status: Sequence[AnalysisStatus] | None, page: PageArguments
) -> Connection[AnalysisRow]:
    """Return a page of a batch's items, in the order of submission. Raise ClientError for an invalid cursor."""
    status, viewer = each_once(status), context.viewer
    return await read_page(
        context.services.database,
        lambda connection: page_of_results(connection, viewer, batch_id, status, page),
        lambda connection: count_analyses(connection, viewer, AnalysisFilter(status=status, batch_id=batch_id)),
    )


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
    """Return the analyzer of a row; a placeholder with its name if this server no longer has the analyzer."""
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
    raise AnalysisFailure(AnalysisErrorCode.UNSUPPORTED_FORMAT, "This server does not have this analyzer any more.")


def error(row: AnalysisRow) -> Fault | None:
    """Return the error with which the analysis ended; None if there is none."""
    if row.error_code is None:
        return None
    return Fault(row.error_code, row.error_message or "", bool(row.error_retryable))


@answers(AnalysisPayload)
async def cancel_analysis(context: Context, id_: str) -> AnalysisPayload:
    """Cancel a queued analysis, or stop a running one; return when it has ended, or after two seconds."""
    require_id("analysis", id_)
    async with context.services.database.write() as connection:
        stopped = await request_stop(connection, context.viewer, id_, AnalysisStatus.CANCELED, utcnow())
    context.forget()
    if stopped is None:
        rule = "only queued or running analyses can be canceled, and only once"
        raise wrong_state("analysis", await context.load(analyses_by_id, id_), rule)
    if not AnalysisStatus(stopped.status).ended:
        await wait_until_ended(context, id_, seconds=_CANCEL_WAIT_SECONDS)
        context.forget()
    return AnalysisPayload(await context.load(analyses_by_id, id_))


@answers(AnalysisPayload)
async def retry_analysis(context: Context, id_: str) -> AnalysisPayload:
    """Queue a failed, canceled or timed-out analysis again."""
    require_id("analysis", id_)
    async with context.services.database.write() as connection:
        retried = await retry_analyses(connection, context.viewer, tables.analysis.c.id == id_, now=utcnow())
    context.forget()
    row = await context.load(analyses_by_id, id_)
    if not retried:
        rule = "only FAILED, CANCELED or TIMED_OUT analyses with accepted input can be retried"
        raise wrong_state("analysis", row, rule)
    return AnalysisPayload(row)


@answers(DeletedPayload)
async def remove_analysis(context: Context, id_: str) -> DeletedPayload:
    """Delete an ended analysis that does not belong to an open batch."""
    require_id("analysis", id_)
    async with context.services.database.write() as connection:
        deleted = await delete_analysis(connection, context.viewer, id_)
    context.forget()
    if not deleted:
        rule = "only ended analyses can be deleted, and items of a batch only after the batch has ended"
        raise wrong_state("analysis", await context.load(analyses_by_id, id_), rule)
    return DeletedPayload(id_)
