"""Answers in JSON: the bytes of a body, and the one shape that every error has, GraphQL's own."""

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
    """A JSON response that no cache keeps."""
    return Response(
        encode_json(body),
        status,
        {"content-type": f"{media_type}; charset=utf-8", "cache-control": "no-store", **(headers or {})},
    )


async def refusal(_request: Request, exception: Exception) -> Response:
    """Starlette's own refusals, no such path and no such method, in the shape of all others."""
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
    """An error in GraphQL's shape, for whatever path: `{"errors": [{"message", "extensions": {"code"}}]}`."""
    return json_response(error_body(code, message, **extensions), status=status, media_type=media_type, headers=headers)
