"""The download of the audit log, streamed as it is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

import orjson
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from execution.errors import ErrorCode
from resolvers.audit import export
from resolvers.context import Context
from resolvers.user_errors import Refused
from store.sql.viewer import Role
from web.callers import anonymous, context_of
from web.downloads import NDJSON
from web.responses import error_response


def audit_routes(context: Callable[[HTTPConnection], Context | Coroutine[Any, Any, Context]]) -> Sequence[BaseRoute]:
    """Return the route `GET /audit.jsonl?after=audit_…`: the entries that the caller may see, oldest first."""

    async def audit(request: Request) -> Response:
        caller = await context_of(context, request)
        role = caller.viewer.role
        if role is None:
            raise anonymous("The audit log needs a credential.")
        if role is not Role.ADMIN:
            message = f"The audit log needs the role ADMIN in the workspace: yours is {role}."
            return error_response(403, ErrorCode.FORBIDDEN, message, requires=Role.ADMIN)
        headers = {
            "content-type": f"{NDJSON}; charset=utf-8",
            "content-disposition": 'attachment; filename="audit.jsonl"',
            "cache-control": "no-store",
        }
        if request.method == "HEAD":
            return Response(headers=headers)
        try:
            entries = await export(caller, request.query_params.get("after"))
        except Refused as refused:
            return error_response(400, refused.code, str(refused), **refused.extensions)

        async def body() -> AsyncIterator[bytes]:
            async for slice_ in entries:
                yield b"".join(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE) for entry in slice_)

        return StreamingResponse(body(), headers=headers)

    return [Route("/audit.jsonl", audit)]
