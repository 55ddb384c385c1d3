"""JSON responses. All errors have the shape of GraphQL's errors."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from execution.answers import encode_json
from execution.errors import BadRequest, ErrorCode, error_body

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

JSON = "application/json"


class RefusedRequest(BadRequest):
    """A request is refused with a status other than 400."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(code, message)
        self.status = status
        self.headers = headers or {}


def json_response(
    body: object, *, status: int = 200, media_type: str = JSON, headers: dict[str, str] | None = None
) -> Response:
    """Return a JSON response that caches do not store. `body` may be encoded already."""
    return Response(
        body if isinstance(body, bytes) else encode_json(body),
        status,
        {**_headers(media_type), **(headers or {})},
    )


class WholeJSON:
    """`json_response` with status 200, an ASGI application. Starlette's response encodes its headers each time."""

    __slots__ = ("_body", "_media_type")

    def __init__(self, body: bytes, media_type: str = JSON) -> None:
        self._body = body
        self._media_type = media_type

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [*_raw_headers(self._media_type), (b"content-length", b"%d" % len(self._body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})


@lru_cache
def _raw_headers(media_type: str) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in _headers(media_type).items()]


def _headers(media_type: str) -> dict[str, str]:
    return {"content-type": f"{media_type}; charset=utf-8", "cache-control": "no-store"}


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
