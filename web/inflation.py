"""Refusal of request bodies, and inflation of gzip, piece by piece and within the limit of a body."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING

from execution.errors import ErrorCode
from web.responses import error_response

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Message, Receive

GZIP_WINDOW = 31  # zlib's number for the format of gzip
GZIP = frozenset(("gzip", "x-gzip"))  # RFC 9110, section 8.4.1.3

PIECE_BYTES = 65_536
"""Most bytes of one inflated message. Other tasks get a turn between two."""


class BodyRefused(Exception):
    """`receive` raises it in the application, to stop reading. `more`: whether more of the body is to come."""

    def __init__(self, response: Response, *, more: bool) -> None:
        super().__init__()
        self.response = response
        self.more = more


def too_large(max_bytes: int) -> Response:
    """Return the refusal of a body above the limit."""
    message = f"The body is too large: at most {max_bytes:,} bytes."
    return error_response(413, ErrorCode.PAYLOAD_TOO_LARGE, message, limit=max_bytes, headers={"connection": "close"})


def unsupported_encoding() -> Response:
    """Return the refusal of a body in another encoding than gzip."""
    message = "`Content-Encoding` must be gzip or identity."
    headers = {"accept-encoding": "gzip, identity", "connection": "close"}
    return error_response(415, ErrorCode.UNSUPPORTED_MEDIA_TYPE, message, headers=headers)


def inflated(receive: Receive, max_bytes: int) -> Receive:
    """Return a `receive` with the inflated body. The body must be one whole member of gzip, without data after it.

    It raises BodyRefused for any other body, and as soon as more than `max_bytes` bytes are inflated.
    """
    inflation = zlib.decompressobj(GZIP_WINDOW)
    rest, size, more, is_full = b"", 0, True, False

    async def receive_inflated() -> Message:
        nonlocal rest, size, more, is_full
        if is_full:  # the last piece was not all
            await asyncio.sleep(0)
        else:
            message = await receive()
            if message["type"] != "http.request":
                return message
            rest, more = message.get("body", b""), message.get("more_body", False)
        try:
            piece = inflation.decompress(rest, PIECE_BYTES)
        except zlib.error:
            raise BodyRefused(_malformed(), more=more) from None
        rest = inflation.unconsumed_tail
        is_full = len(piece) == PIECE_BYTES or bool(rest)
        size += len(piece)
        if size > max_bytes:
            raise BodyRefused(too_large(max_bytes), more=more)
        if inflation.unused_data or not (more or is_full or inflation.eof):
            raise BodyRefused(_malformed(), more=more)
        return {"type": "http.request", "body": piece, "more_body": more or is_full}

    return receive_inflated


def _malformed() -> Response:
    message = "The body is not gzip, as `Content-Encoding` says, is incomplete, or has data after its end."
    return error_response(400, ErrorCode.BAD_REQUEST, message)
