"""Downloads: a batch's items as JSON lines, streamed as they are read.

The server waits for a slow reader between two windows, without a database connection. A failure in the middle ends the
connection before the last chunk, so that no client takes a part for the whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from execution.errors import ErrorCode
from resolvers.context import Context
from resolvers.exports import export_lines
from store.batches import batch_by_id
from store.tables import AnalysisStatus
from web.responses import error_response

NDJSON = "application/x-ndjson"


def download_routes(context: Callable[[HTTPConnection], Context]) -> Sequence[BaseRoute]:
    """Return the route `GET /batches/{id}/results.jsonl`, with `?status=FAILED` (repeatable) and `?input=true`."""

    async def results(request: Request) -> Response:
        asked = context(request)
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

    return [Route("/batches/{id}/results.jsonl", results, methods=["GET"])]
