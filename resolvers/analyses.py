"""Analyses: read, list, cancel, retry, delete. Submission: `resolvers.submissions`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, TypeVar

import orjson
from graphql.pyutils import Path
from pydantic import ValidationError

from analyzers.base import AnalysisErrorCode, AnalysisFailure, Analyzer, Job, Request, Result
from resolvers import old_forms
from resolvers.context import Context, Load
from resolvers.decoders import Decoded, as_json, decoder_of, stored_json
from resolvers.filters import require_analyses
from resolvers.paging import Connection, each_once, read_page
from resolvers.user_errors import UserError, answers, require_id, wrong_state
from resolvers.waiting import wait_until_ended
from store import tables
from store.analyses import AnalysisOrderField, analyses_by_id, count_analyses, page_of_analyses, page_of_results
from store.batches import batches_by_id
from store.deletions import delete_analysis
from store.excerpts import EXCERPT_CHARACTERS, excerpts_by_id, own_key, title_of
from store.filters import AnalysisFilter
from store.queue.attempts import Attempt, attempts_by_id
from store.queue.retries import may_retry, retry_analyses
from store.queue.transitions import Fault
from store.sql.clock import utcnow
from store.sql.paging import Page, PageArguments
from store.sql.short import Columns, Reader
from store.status_counts import StatusCount, status_counts
from store.stops import request_stop
from store.tables import INLINE_BYTES, AnalysisRow, AnalysisStatus, Form

ValueT = TypeVar("ValueT")

# Longest time that a cancel waits for the end of the running attempt.
_CANCEL_WAIT_SECONDS = 2.0


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


async def analysis(context: Context, id_: str, columns: Columns = None) -> AnalysisRow | None:
    """Return an analysis with these columns; None if the viewer can't see one with this id."""
    row = await context.load(_analyses_with(columns), require_id("analysis", id_))
    context.report([row])
    return row


@lru_cache(1_000)
def _analyses_with(columns: Columns) -> Load[AnalysisRow]:
    """Return the function that loads analyses with these columns: the context keeps the rows of each function apart."""
    return analyses_by_id if columns is None else partial(analyses_by_id, columns=columns)


async def analyses(
    context: Context,
    where: AnalysisFilter,
    order: AnalysisOrderField,
    descending: bool,
    page: PageArguments,
    *,
    columns: Columns = None,
) -> Connection[AnalysisRow]:
    """Return a page of the viewer's analyses. Raise ClientError for arguments out of bounds."""
    where = require_analyses(where)
    viewer = context.viewer
    return await _read_page(
        context,
        lambda reader: page_of_analyses(
            reader, viewer, where, page, order=order, descending=descending, columns=columns
        ),
        where,
    )


async def _read_page(
    context: Context, read: Callable[[Reader], Awaitable[Page[AnalysisRow]]], where: AnalysisFilter
) -> Connection[AnalysisRow]:
    found = await read_page(
        context.services.database,
        read,
        lambda connection: count_analyses(connection, context.viewer, where),
        partial(_status_counts, context, where),
    )
    rows = found.nodes
    context.report(rows, as_list=True)
    context.expect(batches_by_id, lambda: {id_ for row in rows if (id_ := getattr(row, "batch_id", None))})
    context.expect(attempts_by_id, lambda: [row.id for row in rows])
    return found


async def _status_counts(context: Context, where: AnalysisFilter) -> list[StatusCount]:
    async with context.services.database.read() as connection:
        return await status_counts(connection, context.viewer, where)


async def results(
    context: Context,
    batch_id: str,
    status: Sequence[AnalysisStatus] | None,
    page: PageArguments,
    *,
    columns: Columns = None,
) -> Connection[AnalysisRow]:
    """Return a page of a batch's items, in the order of submission. Raise ClientError for an invalid cursor."""
    where, viewer = AnalysisFilter(status=each_once(status), batch_id=batch_id), context.viewer
    return await _read_page(
        context,
        lambda reader: page_of_results(reader, viewer, batch_id, where.status, page, columns),
        where,
    )


def _content(
    context: Context, row: AnalysisRow, name: str, size: int | None, path: Path, read: Callable[[AnalysisRow], ValueT]
) -> ValueT | Awaitable[ValueT | None]:
    """Count one of the contents in the answer, and read it: from the row if it is small, otherwise by a statement.

    Raises AnswerTooLarge.
    """
    if size is None or getattr(row, name) is None:
        return read(row)
    context.answer_size.add(size, path)
    if size <= INLINE_BYTES:
        return read(row)

    async def load() -> ValueT | None:
        found = await context.content(name, row.id)
        return None if found is None else read(found)  # the analysis was deleted since

    return load()


def input_text(context: Context, row: AnalysisRow, path: Path) -> Any:
    """Return the text, if the content is one, at its whole length."""
    return _content(context, row, "input_text", row.input_bytes, path, lambda row: row.input_text)


def input_data(context: Context, row: AnalysisRow, path: Path) -> Any:
    """Return the content, if it is no text, as its client gave it."""
    return _content(context, row, "input_data", row.input_bytes, path, partial(_input_data, context))


def options(context: Context, row: AnalysisRow, path: Path) -> Any:
    """Return the options in the clients' spelling."""
    return _content(context, row, "options", row.options_bytes, path, partial(_options, context))


def result(context: Context, row: AnalysisRow, path: Path) -> Any:
    """Return the result as its analyzer's own type; as JSON if the server lacks that analyzer or that version."""
    return _content(context, row, "result", row.result_bytes, path, partial(_result, context))


def _input_data(context: Context, row: AnalysisRow) -> Any:
    if row.input_data is None:
        return None
    if row.input_form == Form.CLIENT:
        return stored_json(row.input_data)
    return old_forms.input_data(row, context.services.analyzers.get(row.analyzer))


def _options(context: Context, row: AnalysisRow) -> Any:
    if row.input_form == Form.CLIENT:
        return stored_json(row.options)
    return old_forms.options(row, context.services.analyzers.get(row.analyzer))


def _result(context: Context, row: AnalysisRow) -> Decoded | Result | StoredResult | None:
    if row.result is None:
        return None
    analyzer = context.services.analyzers.get(row.analyzer)
    if analyzer is None:
        return StoredResult(row.result, row.result_form)
    model: type[Result] = analyzer.result
    if row.result_form == Form.CLIENT and (decoded := decoder_of(model)(row.result)) is not None:
        return decoded
    try:
        found = model.model_validate_json(row.result)
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
        return stored_json(self.json) if self.form == Form.CLIENT else old_forms.untyped(orjson.loads(self.json))


def result_data(found: Decoded | Result) -> Any:
    """Return a whole result as JSON in the clients' spelling."""
    if isinstance(found, Decoded):
        return as_json(found)
    return found.model_dump(mode="json", by_alias=True, warnings=False)


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


async def input_excerpt(context: Context, row: AnalysisRow) -> str | None:
    """Return the first characters of the input, of JSON as its text; None without an input."""
    content = row.input_data if row.input_text is None else row.input_text
    if content is None:
        return None
    if row.input_text is None and row.input_form != Form.CLIENT:
        whole = await context.content("input_data", row.id)
        return None if whole is None else orjson.dumps(_input_data(context, whole)).decode()[:EXCERPT_CHARACTERS]
    if (row.input_bytes or 0) <= INLINE_BYTES:
        return content[:EXCERPT_CHARACTERS]
    return await context.load_together(excerpts_by_id, row.id)


async def title(context: Context, row: AnalysisRow) -> str:
    """Return the title for display."""
    return title_of(row, None if own_key(row) is not None else await input_excerpt(context, row))


async def retryable(context: Context, row: AnalysisRow) -> bool:
    """Return whether `retry_analysis` accepts the analysis now."""
    if not may_retry(row):
        return False
    # Items of a batch in deletion, which is visible to nobody, can't run again.
    return row.batch_id is None or await context.load(batches_by_id, row.batch_id) is not None


def cancelable(row: AnalysisRow) -> bool:
    """Return whether `cancel_analysis` accepts the analysis now."""
    status = AnalysisStatus(row.status)
    return status is AnalysisStatus.QUEUED or (status is AnalysisStatus.RUNNING and row.stop_requested is None)


def error(row: AnalysisRow) -> Fault | None:
    """Return the error with which the analysis ended; None if there is none."""
    if row.error_code is None:
        return None
    return Fault(row.error_code, row.error_message or "", bool(row.error_retryable))


async def attempts(context: Context, row: AnalysisRow, path: Path) -> list[Attempt]:
    """Return the attempts of an analysis, oldest first, and count their messages. Raises AnswerTooLarge."""
    found = await context.load(attempts_by_id, row.id) or []
    context.answer_size.add(sum(len(each.error.message) for each in found if each.error is not None), path)
    return found


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
        deleted = await delete_analysis(connection, context.viewer, id_, utcnow())
    context.forget()
    if not deleted:
        rule = "only ended analyses can be deleted, and items of a batch only after the batch has ended"
        raise wrong_state("analysis", await context.load(analyses_by_id, id_), rule)
    return DeletedPayload(id_)
