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
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MIN_BYTES = 4_096
THREAD_BYTES = 262_144
LEVEL = 1
ETAG_SUFFIX = "-gzip"


class CompressionMiddleware:
    """Compresses whole JSON bodies, and sets `Vary` on all that it could compress."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] == "HEAD":
            await self.app(scope, receive, send)
            return
        accepted = accepts_gzip(",".join(Headers(scope=scope).getlist("accept-encoding")))
        held: Message | None = None

        async def send_compressed(message: Message) -> None:
            """Hold the start of a JSON response until its first part shows whether it is the whole body."""
            nonlocal held
            if message["type"] == "http.response.start" and _is_json(Headers(raw=message["headers"])):
                held = message
                return
            if held is not None:
                start, held = held, None
                body = message.get("body", b"")
                if not message.get("more_body", False) and len(body) >= MIN_BYTES:
                    message = {**message, "body": await _compressed(start, body, accepted=accepted)}
                await send(start)
            await send(message)

        await self.app(scope, receive, send_compressed)


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


def _is_json(headers: Headers) -> bool:
    media_type = headers.get("content-type", "").partition(";")[0]
    return (
        (media_type == "application/json" or media_type.endswith("+json"))
        and "content-encoding" not in headers
        and "no-transform" not in headers.get("cache-control", "")
    )


@lru_cache(maxsize=256)
def accepts_gzip(header: str) -> bool:
    """Whether the client accepts gzip, and does not prefer the plain body, by its `Accept-Encoding`."""
    found = weights(header)
    gzip = found.get("gzip", found.get("*", 0.0))
    return gzip > 0 and gzip >= found.get("identity", 0.0)
