"""Analyses as JSON lines or CSV, of any number, with one window of them in memory at a time.

A window is a range of positions. One short statement reads it, on a connection that is given back before the window
is sent: a slow client holds one window and no connection. An item is exported as it is at the time of that statement.
Items that a stream adds after the export of their batch has begun are left out.
"""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

import orjson

from analyzers.base import Analyzer
from resolvers import old_forms
from resolvers.context import Context
from store.analyses import page_of_analyses
from store.batches import batch_by_id
from store.contents import contents_by_id
from store.filters import AnalysisFilter
from store.ingest import window_of_items
from store.sql.clock import write_instant
from store.sql.database import Database
from store.sql.paging import PageArguments
from store.sql.viewer import Viewer
from store.tables import INLINE_BYTES, AnalysisRow, AnalysisStatus, BatchRow, Form

# Bytes of the contents in a window, by the stored sizes, and number of its items. A single item may have more bytes.
WINDOW_BYTES = 1 << 20
MAX_WINDOW = 500

# Rows of one read of a list, each with at most 12 KiB of contents.
MAX_PAGE_ROWS = 200

Analyzers = Mapping[str, Analyzer[Any, Any]]
WriteRow = Callable[[AnalysisRow, Analyzers, AnalysisRow | None], bytes]


class ExportBroken(Exception):
    """The batch was deleted during its export: the remaining items are gone."""


async def export_lines(
    database: Database,
    viewer: Viewer,
    analyzers: Analyzers,
    batch: BatchRow,
    *,
    status: Sequence[AnalysisStatus] | None = None,
    with_input: bool = False,
) -> AsyncIterator[tuple[int, bytes]]:
    """Yield chunks of whole lines in order of position, each with the position after it. Raises ExportBroken."""
    first = 0
    while first < batch.total_items:
        count = min(MAX_WINDOW, batch.total_items - first)
        async with database.read() as connection:
            rows, first = await window_of_items(
                connection, viewer, batch.id, status, first, count, with_input=with_input, max_bytes=WINDOW_BYTES
            )
            if not rows and await batch_by_id(connection, viewer, batch.id) is None:
                raise ExportBroken
        yield first, b"".join([line_of(row, analyzers, with_input=with_input) for row in rows])


async def export_analyses(context: Context, where: AnalysisFilter, write: WriteRow) -> AsyncIterator[bytes]:
    """Yield the viewer's analyses that match the filter, newest first, in chunks of whole lines.

    `write` returns the line of a row. A result above INLINE_BYTES is read by itself, in a second row.
    """
    database, viewer = context.services.database, context.viewer
    cursor: str | None = None
    while True:
        async with database.read() as connection:
            page = await page_of_analyses(connection, viewer, where, PageArguments(MAX_PAGE_ROWS, cursor))
        chunk = bytearray()
        for row in page.rows:
            content = None
            if (row.result_bytes or 0) > INLINE_BYTES:
                async with database.read() as connection:
                    content = (await contents_by_id(connection, viewer, "result", [row.id])).get(row.id)
                if content is None:
                    continue  # deleted since
            chunk += write(row, context.services.analyzers, content)
            if len(chunk) > WINDOW_BYTES:
                yield bytes(chunk)
                chunk.clear()
        if chunk:
            yield bytes(chunk)
        if not page.has_next:
            return
        cursor = page.cursor(page.rows[-1])


def json_line(row: AnalysisRow, analyzers: Analyzers, content: AnalysisRow | None) -> bytes:
    """`line_of` without the input."""
    return line_of(row, analyzers, with_input=False, content=content)


CSV_COLUMNS = (
    *("id", "key", "batchId", "status", "analyzer", "priority", "attempt", "score", "tags", "summary"),
    *("errorCode", "errorMessage", "createdAt", "startedAt", "finishedAt", "processingTimeMs"),
)
CSV_HEADER = (",".join(CSV_COLUMNS) + "\r\n").encode()
# First characters by which a spreadsheet takes a cell for a formula, also in their full-width forms.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_line(row: AnalysisRow, analyzers: Analyzers, content: AnalysisRow | None) -> bytes:
    """Return an analysis as a line of CSV, by `csv_row`."""
    source = content or row
    result: Mapping[str, Any] = {}
    if source.result is not None:
        is_new = source.result_form == Form.CLIENT
        result = orjson.loads(source.result) if is_new else old_forms.result(source, analyzers.get(row.analyzer))
    tags = ", ".join(result.get("tags") or ())
    instants = [
        None if each is None else write_instant(each) for each in (row.created_at, row.started_at, row.finished_at)
    ]
    values = [row.id, row.key, row.batch_id, row.status, row.analyzer, row.priority, row.attempt, result.get("score")]
    values += [tags, result.get("summary"), row.error_code, row.error_message, *instants, row.processing_time_ms]
    return csv_row(values)


def csv_row(values: Iterable[object]) -> bytes:
    """Return values as a line of CSV (RFC 4180). A text that could be a formula begins with an apostrophe."""
    line = StringIO()
    csv.writer(line).writerow(
        "'" + each if isinstance(each, str) and each.startswith(_FORMULA) else each for each in values
    )
    return line.getvalue().encode()


def line_of(row: AnalysisRow, analyzers: Analyzers, *, with_input: bool, content: AnalysisRow | None = None) -> bytes:
    """Return an item as a line of JSON, with the names and values of the graph.

    `content` has the result if the row has it not.
    """
    analyzer = analyzers.get(row.analyzer)
    line: dict[str, Any] = {
        "id": row.id,
        "key": row.key,
        "position": row.position,
        "status": row.status,
        "analyzer": row.analyzer,
        "priority": row.priority,
        "attempt": row.attempt,
    }
    if with_input:
        data: Any = None
        if row.input_form == Form.CLIENT:
            options: Any = orjson.Fragment(row.options)
            if row.input_data is not None:
                data = orjson.Fragment(row.input_data)
        else:
            options, data = old_forms.options(row, analyzer), old_forms.input_data(row, analyzer)
        line |= {"inputText": row.input_text, "inputData": data, "options": options}
    result: Any = None
    source = content or row
    if source.result is not None:
        # A fragment is copied as it is: stored JSON has no line breaks.
        is_new = source.result_form == Form.CLIENT
        result = orjson.Fragment(source.result) if is_new else old_forms.result(source, analyzer)
    error = None
    if row.error_code is not None:
        error = {"code": row.error_code, "message": row.error_message, "retryable": bool(row.error_retryable)}
    line |= {
        "result": result,
        "error": error,
        "createdAt": write_instant(row.created_at),
        "startedAt": None if row.started_at is None else write_instant(row.started_at),
        "finishedAt": None if row.finished_at is None else write_instant(row.finished_at),
        "processingTimeMs": row.processing_time_ms,
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
