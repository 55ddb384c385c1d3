"""The items of a batch as JSON lines, of any number, with one window of them in memory at a time.

A window is a range of positions. One short statement reads it, on a connection that is given back before the window
is sent: a slow client holds one window and no connection. An item is exported as it is at the time of that statement.
Items that a stream adds after the export has begun are left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import orjson

from analyzers.base import Analyzer
from resolvers import old_forms
from store.batches import batch_by_id
from store.ingest import window_of_items
from store.sql.clock import write_instant
from store.sql.database import Database
from store.sql.viewer import Viewer
from store.tables import AnalysisRow, AnalysisStatus, BatchRow, Form

# The size of a window's lines in bytes, estimated from the window before; a window has at most MAX_WINDOW items.
WINDOW_BYTES = 1 << 20
MAX_WINDOW = 500
_FIRST_WINDOW = 20

Analyzers = Mapping[str, Analyzer[Any, Any]]


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
    first, size = 0, _FIRST_WINDOW
    while first < batch.total_items:
        async with database.read() as connection:
            rows = await window_of_items(connection, viewer, batch.id, status, first, size)
            if not rows and await batch_by_id(connection, viewer, batch.id) is None:
                raise ExportBroken
        first += size
        chunk = b"".join([line_of(row, analyzers, with_input=with_input) for row in rows])
        if chunk:
            size = max(1, min(MAX_WINDOW, 4 * size, WINDOW_BYTES * size // len(chunk)))
        yield min(first, batch.total_items), chunk


def line_of(row: AnalysisRow, analyzers: Analyzers, *, with_input: bool) -> bytes:
    """Return an item as a line of JSON, with the names and values of the graph."""
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
    if row.result is not None:
        # A fragment is copied as it is: stored JSON has no line breaks.
        is_new = row.result_form == Form.CLIENT
        result = orjson.Fragment(row.result) if is_new else old_forms.result(row, analyzer)
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
