"""Downloads, streamed as they are read: a list or a batch as lines; the input and the result of an analysis.

The server waits for a slow reader between two pieces, without a database connection. A failure in the middle ends the
connection before the last chunk, so that no client takes a part for the whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from execution.answers import encode_json
from execution.errors import ErrorCode
from resolvers import old_forms
from resolvers.context import Context
from resolvers.exports import CSV_HEADER, csv_line, export_analyses, export_lines, json_line
from resolvers.filters import require_analyses
from resolvers.user_errors import Refused, UserError, UserErrorCode, require_id
from store.analyses import analysis_by_id
from store.batches import batch_by_id
from store.contents import contents_by_id, piece_of_content
from store.filters import AnalysisFilter
from store.tables import AnalysisRow, AnalysisStatus, Form
from web.callers import anonymous, context_of
from web.responses import JSON, error_response

NDJSON = "application/x-ndjson"

PIECE_BYTES = 1 << 20
"""Bytes of a content that are in memory at once: SQLite and PostgreSQL read the whole content for each piece."""


MAX_DOWNLOAD_IDS = 200
"""Ids of one download: 7 KB of a URL, which proxies commonly bound to 8 KB."""


class ContentGone(Exception):
    """The analysis was deleted during its download."""


def download_routes(
    context: Callable[[HTTPConnection], Context | Coroutine[Any, Any, Context]],
    read_filter: Callable[[str], AnalysisFilter],
) -> Sequence[BaseRoute]:
    """Return the routes of all downloads.

    - `GET /batches/{id}/results.jsonl`, with `?status=FAILED` (repeatable) and `?input=true`
    - `GET /analyses.jsonl` and `/analyses.csv`, with `?filter={"status":["FAILED"]}`, the JSON of an AnalysisFilter, or
      `?ids=analysis_…,analysis_…`, or both
    - `GET /analyses/{id}/input`: the text, or the JSON of other content
    - `GET /analyses/{id}/result.json`

    Each requires the role VIEWER, as the fields of the API do that read the same.
    """

    async def allowed(request: Request) -> Context:
        asked = await context_of(context, request)
        if asked.viewer.role is None:
            raise anonymous("A download needs a credential.")
        return asked

    async def results(request: Request) -> Response:
        asked = await allowed(request)
        names = request.query_params.getlist("status")
        unknown = sorted(set(names) - set(AnalysisStatus))
        if unknown:
            message = f"`status` is {unknown[0][:50]!r}: it must be one of {', '.join(AnalysisStatus)}."
            return error_response(400, ErrorCode.BAD_USER_INPUT, message, argument="status")
        with_input = request.query_params.get("input", "false")
        if with_input not in ("true", "false"):
            return error_response(400, ErrorCode.BAD_USER_INPUT, "`input` must be `true` or `false`.", argument="input")
        database = asked.services.database
        async with database.read() as connection:
            batch = await batch_by_id(connection, asked.viewer, request.path_params["id"])
        if batch is None:
            return error_response(404, ErrorCode.NOT_FOUND, "There is no batch with this id.")
        headers = {
            "content-type": f"{NDJSON}; charset=utf-8",
            "content-disposition": f'attachment; filename="{batch.id}.jsonl"',
            "cache-control": "no-store",
        }
        if request.method == "HEAD":
            return Response(headers=headers)
        lines = export_lines(
            database,
            asked.viewer,
            asked.services.analyzers,
            batch,
            status=[AnalysisStatus(name) for name in names] or None,
            with_input=with_input == "true",
        )

        async def body() -> AsyncIterator[bytes]:
            async for _, chunk in lines:
                if chunk:
                    yield chunk

        return StreamingResponse(body(), headers=headers)

    async def list_(request: Request) -> Response:
        asked = await allowed(request)
        try:
            where = require_analyses(read_filter(request.query_params.get("filter", "{}")))
            if "ids" in request.query_params:
                where = replace(where, ids=_require_ids(request.query_params["ids"]))
        except Refused as refused:
            return error_response(400, refused.code, str(refused), **refused.extensions)
        is_csv = request.url.path.endswith(".csv")
        media_type, name = ("text/csv", "analyses.csv") if is_csv else (NDJSON, "analyses.jsonl")
        headers = {
            "content-type": f"{media_type}; charset=utf-8",
            "content-disposition": f'attachment; filename="{name}"',
            "cache-control": "no-store",
        }
        if request.method == "HEAD":
            return Response(headers=headers)

        async def body() -> AsyncIterator[bytes]:
            if is_csv:
                yield CSV_HEADER
            async for chunk in export_analyses(asked, where, csv_line if is_csv else json_line):
                yield chunk

        return StreamingResponse(body(), headers=headers)

    async def input_(request: Request) -> Response:
        asked = await allowed(request)
        row = await _analysis(asked, request)
        if row is None:
            return _not_found("There is no analysis with this id.")
        if row.input_text is not None:
            return await _content(asked, request, row, "input_text")
        if row.input_data is not None:
            return await _content(asked, request, row, "input_data")
        return _not_found("The analysis has no input: the server rejected it.")

    async def result(request: Request) -> Response:
        asked = await allowed(request)
        row = await _analysis(asked, request)
        if row is None:
            return _not_found("There is no analysis with this id.")
        if row.result is None:
            return _not_found("The analysis has no result: only COMPLETED analyses have one.")
        return await _content(asked, request, row, "result")

    return [
        Route("/batches/{id}/results.jsonl", results, methods=["GET"]),
        Route("/analyses.jsonl", list_, methods=["GET"]),
        Route("/analyses.csv", list_, methods=["GET"]),
        Route("/analyses/{id}/input", input_, methods=["GET"]),
        Route("/analyses/{id}/result.json", result, methods=["GET"]),
    ]


def _require_ids(text: str) -> list[str]:
    """Return the ids of a list with commas. Raise Refused for an invalid one, and for more than MAX_DOWNLOAD_IDS."""
    ids = text.split(",")
    if len(ids) > MAX_DOWNLOAD_IDS:
        message = f"`ids` has {len(ids):,} ids: it must have from 1 to {MAX_DOWNLOAD_IDS}."
        raise Refused(UserError(UserErrorCode.TOO_LARGE, message, ["ids"]))
    return [require_id("analysis", id_, f"ids.{position}") for position, id_ in enumerate(ids)]


async def _analysis(context: Context, request: Request) -> AnalysisRow | None:
    async with context.services.database.read() as connection:
        return await analysis_by_id(connection, context.viewer, request.path_params["id"])


def _not_found(message: str) -> Response:
    return error_response(404, ErrorCode.NOT_FOUND, message)


async def _content(context: Context, request: Request, row: AnalysisRow, name: str) -> Response:
    """Return a content as a file. It never changes: its tag is made of its analysis and its kind."""
    kind, media_type, size = {
        "input_text": ("input.txt", "text/plain", row.input_bytes),
        "input_data": ("input.json", JSON, row.input_bytes),
        "result": ("result.json", JSON, row.result_bytes),
    }[name]
    headers = {
        "content-type": f"{media_type}; charset=utf-8",
        "content-disposition": f'attachment; filename="{row.id}-{kind}"',
        "content-security-policy": "sandbox",
        "cache-control": "private, no-cache",  # a cache asks each time: the analysis may have been deleted
    }
    form = row.result_form if name == "result" else row.input_form
    if name != "input_text" and form != Form.CLIENT:
        body = await _of_old_form(context, row, name)
        return _not_found("There is no analysis with this id.") if body is None else Response(body, headers=headers)
    headers |= {"content-length": str(size), "etag": f'"{row.id}-{kind}"'}
    if headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(None, 304, {name: headers[name] for name in ("etag", "cache-control")})
    if request.method == "HEAD":
        return Response(headers=headers)
    return StreamingResponse(_pieces(context, row.id, name, size or 0), headers=headers)


async def _pieces(context: Context, analysis_id: str, name: str, size: int) -> AsyncIterator[bytes]:
    """Yield the bytes of a content. Raises ContentGone."""
    for first in range(0, size, PIECE_BYTES):
        async with context.services.database.read() as connection:
            piece = await piece_of_content(connection, context.viewer, name, analysis_id, first, PIECE_BYTES)
        if piece is None:
            raise ContentGone(analysis_id)
        yield piece


async def _of_old_form(context: Context, row: AnalysisRow, name: str) -> bytes | None:
    """Return a content that an earlier release stored, with the names for clients. It is read as a whole."""
    async with context.services.database.read() as connection:
        found = (await contents_by_id(connection, context.viewer, name, [row.id])).get(row.id)
    if found is None:
        return None
    analyzer = context.services.analyzers.get(row.analyzer)
    shown = old_forms.result(found, analyzer) if name == "result" else old_forms.input_data(found, analyzer)
    return encode_json(shown)
