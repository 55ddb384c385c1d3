"""Export of a batch's items as JSON lines: any number of items, with one window of them in memory.

Windows are ranges of positions. One short statement reads a window, and its connection is returned before anything is
sent: a slow client holds only a window. An item is exported in its state when its window is read. Items that a stream
adds after the export has begun are not included.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import orjson

from analyzers.base import Analyzer
from resolvers.names import untyped, write_instant, writer
from store.batches import batch_by_id
from store.ingest import window_of_items
from store.sql.database import Database
from store.sql.viewer import Viewer
from store.tables import AnalysisRow, AnalysisStatus, BatchRow

# Target size of a window, from the size of the items in the window before it; at most MAX_WINDOW items.
WINDOW_BYTES = 1 << 20
MAX_WINDOW = 500
_FIRST_WINDOW = 20

Analyzers = Mapping[str, Analyzer[Any, Any]]


class ExportBroken(Exception):
    """The batch was deleted during the export."""


async def export_lines(
    database: Database,
    viewer: Viewer,
    analyzers: Analyzers,
    batch: BatchRow,
    *,
    status: Sequence[AnalysisStatus] | None = None,
    with_input: bool = False,
) -> AsyncIterator[tuple[int, bytes]]:
    """Yield chunks of whole lines in order of position, each with the position after it. Raise ExportBroken."""
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
    """Return an item as a line of JSON, with the field names and formats of the GraphQL schema."""
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
        data = None if row.input_data is None else orjson.loads(row.input_data)
        options = orjson.loads(row.options)
        if analyzer is not None:
            content = analyzer.request.model_fields[analyzer.content_field].annotation
            data, options = writer(content)(data), writer(analyzer.request)(options)
        line |= {"inputText": row.input_text, "inputData": data, "options": options}
    result = None
    if row.result is not None:
        result = orjson.loads(row.result)
        result = untyped(result) if analyzer is None else writer(analyzer.result)(result)
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
