"""JSON responses. All errors have the shape of GraphQL's errors."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from execution.answers import encode_json
from execution.errors import ErrorCode, error_body

JSON = "application/json"


def json_response(
    body: object, *, status: int = 200, media_type: str = JSON, headers: dict[str, str] | None = None
) -> Response:
    """Return a JSON response that caches do not store. `body` may be encoded already."""
    return Response(
        body if isinstance(body, bytes) else encode_json(body),
        status,
        {"content-type": f"{media_type}; charset=utf-8", "cache-control": "no-store", **(headers or {})},
    )


async def refusal(_request: Request, exception: Exception) -> Response:
    """Return Starlette's own errors, unknown paths and methods, in the shape of all others."""
    assert isinstance(exception, HTTPException)
    code = ErrorCode.METHOD_NOT_ALLOWED if exception.status_code == 405 else ErrorCode.NOT_FOUND
    headers = dict(exception.headers or {})
    return error_response(exception.status_code, code, f"{exception.detail}.", headers=headers)


def error_response(
    status: int,
    code: str,
    message: str,
    *,
    media_type: str = JSON,
    headers: dict[str, str] | None = None,
    **extensions: Any,
) -> Response:
    """Return an error in GraphQL's shape, on any path: `{"errors": [{"message", "extensions": {"code"}}]}`."""
    return json_response(error_body(code, message, **extensions), status=status, media_type=media_type, headers=headers)
