"""Compression of JSON answers for clients that accept gzip.

Only whole JSON bodies from `MIN_BYTES` on: a stream would be held back, and its parts are small. Level 1 takes 10 ms of
processor time for a MB of results and makes it a third; level 6 takes 33 ms and makes it a quarter. An answer from
`THREAD_BYTES` on is compressed in a thread, so that it does not delay the event loop.
"""

from __future__ import annotations

import asyncio
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from web.accept import weights
from web.inflation import GZIP_WINDOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message, Scope

MIN_BYTES = 4_096
THREAD_BYTES = 262_144
LEVEL = 1
ETAG_SUFFIX = "-gzip"


def is_compressible(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a response with these headers may have a JSON body of `MIN_BYTES` or more."""
    if int(headers.get(b"content-length", b"0")) < MIN_BYTES:
        return False
    media_type = headers.get(b"content-type", b"").partition(b";")[0]
    return (
        (media_type == b"application/json" or media_type.endswith(b"+json"))
        and b"content-encoding" not in headers
        and b"no-transform" not in headers.get(b"cache-control", b"")
    )


async def compressed(scope: Scope, start: Message, message: Message) -> Message:
    """Return the message to send after `start`, and set the headers of that, with `Vary`.

    `message` is the first part of the body. A body in several parts is not compressed.
    """
    if message.get("more_body", False):
        return message
    accepted = accepts_gzip(",".join(Headers(scope=scope).getlist("accept-encoding")))
    return {**message, "body": await _compressed(start, message["body"], accepted=accepted)}


async def _compressed(start: Message, body: bytes, *, accepted: bool) -> bytes:
    """Return the body to send, and set the headers of the response."""
    headers = MutableHeaders(raw=start["headers"])
    headers.add_vary_header("Accept-Encoding")
    start["headers"] = headers.raw
    if not accepted:
        return body
    work = (body, LEVEL, GZIP_WINDOW)
    body = await asyncio.to_thread(zlib.compress, *work) if len(body) >= THREAD_BYTES else zlib.compress(*work)
    headers["content-encoding"] = "gzip"
    headers["content-length"] = str(len(body))
    etag = headers.get("etag", "")
    if etag.endswith('"'):  # other bytes have another tag
        headers["etag"] = f'{etag[:-1]}{ETAG_SUFFIX}"'
    return body


@lru_cache(maxsize=256)
def accepts_gzip(header: str) -> bool:
    """Whether the client accepts gzip, and does not prefer the plain body, by its `Accept-Encoding`."""
    found = weights(header)
    gzip = found.get("gzip", found.get("*", 0.0))
    return gzip > 0 and gzip >= found.get("identity", 0.0)
