"""Middleware of every request: its id, log line and counters, checks without the body, and the limit of the body.

Pure ASGI, in this order from the outside: `RequestMiddleware`, `SecurityMiddleware`, Starlette's CORS if other origins
are allowed, `CompressionMiddleware`, `BodyLimitMiddleware`. Every refusal is GraphQL-shaped JSON. No exception leaves
the outermost middleware, except to end a connection whose response has begun.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING

import structlog
import uuid_utils
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect

from execution.errors import INTERNAL_MESSAGE, ErrorCode
from web.compression import CompressionMiddleware
from web.health import PROBES
from web.inflation import GZIP, BodyRefused, inflated, too_large, unsupported_encoding
from web.responses import error_response
from web.serving.request_head import EXTENSION, Fault

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from settings import Settings
    from telemetry import Telemetry

DRAIN_SECONDS = 30
DRAIN_BYTES = 1_000_000_000
"""Bytes and seconds for which a body that is too large is still read: a client that is sending reads no answer."""

CLIENT_GONE = 499
"""The status in log and counters of a request whose client disconnected before the answer."""

ENCODINGS = GZIP | {"identity"}
# The encoding of their bodies, which no route reads, does not matter.
WITHOUT_BODY = frozenset(("GET", "HEAD", "OPTIONS"))

CORS_HEADERS = ("Content-Type", "Content-Encoding", "Authorization", "Last-Event-ID", "X-Request-ID")
PREFLIGHT_HEADERS = ("GraphQL-Require-Preflight", "Apollo-Require-Preflight")

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")

log = structlog.get_logger("access")


def middleware(settings: Settings, telemetry: Telemetry) -> list[Middleware]:
    """Return all middleware in order, for `Starlette(middleware=...)`."""
    cors = Middleware(
        _CORS,
        allow_origins=[origin.rstrip("/") for origin in settings.allowed_origins],
        allow_methods=("GET", "POST"),
        allow_headers=(*CORS_HEADERS, *PREFLIGHT_HEADERS),
        expose_headers=("X-Request-ID",),
    )
    return [
        Middleware(RequestMiddleware, telemetry=telemetry),
        Middleware(SecurityMiddleware, allowed_hosts=settings.hosts),
        *([cors] if settings.allowed_origins else []),
        Middleware(CompressionMiddleware),
        Middleware(BodyLimitMiddleware, max_bytes=settings.max_body_bytes),
    ]


class _CORS(CORSMiddleware):
    """Starlette's CORS, with the shape of all other errors for a refused preflight."""

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        message = f"{bytes(response.body).decode()}."
        return error_response(403, ErrorCode.FORBIDDEN, message, headers={"vary": response.headers["vary"]})


class BrokenOff(Exception):
    """Ends the connection in the middle of a response, so that the client notices."""


class RequestMiddleware:
    """Gives each request its id (the client's own id if it is valid), counts it, and writes its access line.

    The id is in `scope["state"]["request_id"]`, in every log line and in the `x-request-id` header. An exception that
    arrives here is logged and answered with a masked 500, or ends the connection if the response had begun. A request
    with `scope["state"]["is_stream"]` is not among the latencies, since the client decides how long it lasts.
    """

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self.app = app
        self.http = telemetry.http

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            if scope["type"] == "websocket":
                await self.app(scope, receive, send)
            else:
                await self._answer(scope, receive, send, request_id)
        finally:
            structlog.contextvars.unbind_contextvars("request_id")

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        started = perf_counter()
        self.http.started()
        try:
            await self.app(scope, receive, send_with_id)
        except ClientDisconnect:
            status = CLIENT_GONE
        except BrokenOff:
            pass  # uvicorn ends the connection if the application returns with an unfinished response
        except asyncio.CancelledError:
            # uvicorn stops, and waits no longer. The cancellation ends here: uvicorn would log it as a fault.
            if not status:
                message = "The server is stopping: send the request again."
                response = error_response(
                    503, ErrorCode.SERVICE_UNAVAILABLE, message, headers={**SECURITY_HEADERS, "retry-after": "1"}
                )
                await response(scope, receive, send_with_id)
        except Exception:
            log.exception("request failed")
            if status:
                raise
            response = error_response(
                500, ErrorCode.INTERNAL_SERVER_ERROR, INTERNAL_MESSAGE, requestId=request_id, headers=SECURITY_HEADERS
            )
            await response(scope, receive, send_with_id)
        finally:
            seconds = perf_counter() - started
            self.http.ended(status or CLIENT_GONE, None if scope["state"].get("is_stream") else seconds)
            log.info(
                "request",
                method=scope["method"],
                # As sent, percent-encoded: it can't break the line.
                path=scope.get("raw_path", b"").decode("latin-1")[:200],
                status=status or CLIENT_GONE,
                milliseconds=round(seconds * 1000, 3),
            )


class SecurityMiddleware:
    """Refuses faulty heads and foreign host names; sets the headers that every response has.

    Probes and scrapes have the address of a machine or a pod as `Host`: their paths allow any.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: tuple[str, ...]) -> None:
        self.app = app
        self.all_hosts = "*" in allowed_hosts
        self.hosts = frozenset(host.lower() for host in allowed_hosts if not host.startswith("*."))
        self.domains = tuple(host[1:].lower() for host in allowed_hosts if host.startswith("*."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = None
        any_host = self.all_hosts or scope["path"] in PROBES
        if fault := _fault(scope):
            await _drain(receive)  # a client that is sending a body reads no answer
            refusal = _fault_response(fault)
        elif not any_host and not self._is_allowed(Headers(scope=scope).get("host", "")):
            refusal = error_response(400, ErrorCode.BAD_REQUEST, "The server does not serve this host name.")
        await (refusal or self.app)(scope, receive, send_with_headers)

    def _is_allowed(self, header: str) -> bool:
        """Whether the `Host` header, without its port, is an allowed one."""
        host = header.lower()
        host = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
        return host in self.hosts or host.endswith(self.domains)


class BodyLimitMiddleware:
    """Answers 413 to a body over the limit, with or without a declared length, and 4xx to one that can't be read.

    The application gets a body of gzip inflated, within the same limit. The headers stay those of the client.

    Before the answer, the rest of the body is read and discarded, within bounds: most clients write the whole body
    before they read, and would see only a reset connection.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        declared = headers.get("content-length", "")
        encoding = headers.get("content-encoding", "identity").strip().lower()
        has_body = scope["method"] not in WITHOUT_BODY
        refusal = None
        if declared.isdecimal() and int(declared[:20]) > self.max_bytes:
            refusal = too_large(self.max_bytes)
        elif has_body and encoding not in ENCODINGS:
            refusal = unsupported_encoding()
        if refusal:
            # A client that waits for "100 Continue" has sent nothing yet.
            if headers.get("expect", "").lower() != "100-continue":
                await _drain(receive)
            await refusal(scope, receive, send)
            return
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if fault := _fault(scope):
                    raise BodyRefused(_fault_response(fault), more=False)
                if received > self.max_bytes:
                    raise BodyRefused(too_large(self.max_bytes), more=message.get("more_body", False))
            return message

        read: Receive = receive_within_limit
        if has_body and encoding in GZIP:
            read = inflated(read, self.max_bytes)
        try:
            await self.app(scope, read, send)
        except BodyRefused as refused:
            if refused.more:  # after the last part, only the disconnect would follow
                await _drain(receive)
            await refused.response(scope, receive, send)


def _fault(scope: Scope) -> Fault | None:
    """Return the fault that `web.serving.http_protocol` has found so far in the request."""
    fault: Fault | None = scope.get("extensions", {}).get(EXTENSION)
    return fault


def _fault_response(fault: Fault) -> Response:
    headers = {**fault.headers, "connection": "close"}
    return error_response(fault.status, fault.code, fault.message, headers=headers, **fault.extensions)


async def _drain(receive: Receive) -> None:
    left = DRAIN_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given: str = value.decode("latin-1")
            if _REQUEST_ID.fullmatch(given):
                return given
            break
    return uuid_utils.uuid7().hex
