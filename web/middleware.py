"""The one layer around every request: its id, log line and counters, checks without the body, the limit of the body.

Pure ASGI. For each request, in this order: the id; the checks of the head; the endpoint, behind Starlette's CORS if
other origins are allowed; the headers of all responses, and compression; counters and access line. Every refusal is
GraphQL-shaped JSON. No exception leaves this layer, except to end a connection whose response has begun.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING

import structlog
import uuid_utils
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect

from access.admission import COMMANDS
from execution.errors import INTERNAL_MESSAGE, ErrorCode
from web.health import LIVE, PROBES, READY
from web.inflation import GZIP, BodyRefused, inflated, too_large, unsupported_encoding
from web.limits import LIMIT_HEADERS
from web.responses import error_response
from web.sending import Sending, secured
from web.serving.request_head import EXTENSION, Fault

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from logs import AccessLog
    from settings import Settings
    from telemetry import Telemetry

DRAIN_SECONDS = 30
DRAIN_BYTES = 1_000_000_000
"""Bytes and seconds for which a body that is too large is still read: a client that is sending reads no answer."""

CLIENT_GONE = 499
"""The status in log and counters of a request whose client disconnected before the answer."""

PUBLIC = frozenset((LIVE, READY))
"""Paths that an open server serves through a proxy too."""

ENCODINGS = GZIP | {"identity"}
# The encoding of their bodies, which no route reads, does not matter.
WITHOUT_BODY = frozenset(("GET", "HEAD", "OPTIONS"))

PREFLIGHT_HEADERS = ("GraphQL-Require-Preflight", "Apollo-Require-Preflight")
CORS_HEADERS = (
    "Content-Type",
    "Content-Encoding",
    "Authorization",
    "Last-Event-ID",
    "X-Request-ID",
    "X-Assay-Workspace",
    *PREFLIGHT_HEADERS,
)

PROXIED = (
    "The request came through a proxy, and this server has no sign-in: behind a proxy, each caller would be the "
    f"administrator. Run these commands, and restart the server:\n{COMMANDS}"
)

_LONGEST_PATH = 200  # characters of a path in the log
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")

log = structlog.get_logger("access")

RawHeaders = list[tuple[bytes, bytes]]


def middleware(
    settings: Settings,
    telemetry: Telemetry,
    endpoints: Mapping[str, ASGIApp] | None = None,
    access_log: AccessLog | None = None,
    *,
    is_open: bool = False,
) -> list[Middleware]:
    """Return the layer, for `Starlette(middleware=...)`. An open server refuses requests that came through a proxy.

    `endpoints` by path answer HTTP requests of any method without Starlette's router, which compares each path with
    all routes. Without an `access_log`, structlog writes the lines.
    """
    origins = [origin.rstrip("/") for origin in settings.allowed_origins]
    return [
        Middleware(
            RequestMiddleware,
            telemetry=telemetry,
            allowed_hosts=settings.hosts,
            max_body_bytes=settings.max_body_bytes,
            allowed_origins=origins,
            endpoints=endpoints,
            access_log=access_log,
            is_open=is_open,
        )
    ]


class _CORS(CORSMiddleware):
    """Starlette's CORS, with the shape of all other errors for a refused preflight."""

    def __init__(self, app: ASGIApp, origins: list[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=CORS_HEADERS,
            expose_headers=("X-Request-ID", "WWW-Authenticate", *LIMIT_HEADERS),
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        message = f"{bytes(response.body).decode()}."
        return error_response(403, ErrorCode.FORBIDDEN, message, headers={"vary": response.headers["vary"]})


class BrokenOff(Exception):
    """Ends the connection in the middle of a response, so that the client notices."""


class RequestMiddleware:
    """The layer around every request.

    The request's id is the client's own one if that is valid. It is in `scope["state"]["request_id"]`, in every log
    line and in the `x-request-id` header. An exception that arrives here is logged and answered with a masked 500, or
    ends the connection if the response had begun. A request with `scope["state"]["is_stream"]` is not among the
    latencies, since the client decides how long it lasts.
    """

    def __init__(
        self,
        app: ASGIApp,
        telemetry: Telemetry,
        *,
        allowed_hosts: tuple[str, ...] = ("*",),
        max_body_bytes: int = sys.maxsize,
        allowed_origins: list[str] | None = None,
        endpoints: Mapping[str, ASGIApp] | None = None,
        access_log: AccessLog | None = None,
        is_open: bool = False,
    ) -> None:
        self.http = telemetry.http
        self.is_open = is_open
        self.hosts = _Hosts(allowed_hosts)
        self.max_body_bytes = max_body_bytes
        self.origins = allowed_origins
        self.app = self._shared(app)
        self.endpoints = {path: self._shared(endpoint) for path, endpoint in (endpoints or {}).items()}
        self.write_line = access_log or _write_line

    def _shared(self, app: ASGIApp) -> ASGIApp:
        """Return an app with the headers for other origins."""
        return _CORS(app, self.origins) if self.origins else app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = dict(reversed(scope["headers"]))  # of a repeated header, the first
        request_id = _request_id(headers.get(b"x-request-id"))
        scope.setdefault("state", {})["request_id"] = request_id
        # Until the end of the task, which serves only this request.
        structlog.contextvars.bind_contextvars(request_id=request_id)
        if scope["type"] == "http":
            await self._counted(scope, headers, receive, Sending(scope, send, request_id))
        else:
            await self._checked(scope, headers, receive, secured(send))

    # From the outside to the inside

    async def _counted(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Sending) -> None:
        """Serve a request, answer its exceptions, count it and write its line."""
        started = perf_counter()
        self.http.started()
        try:
            await self._checked(scope, headers, receive, send)
        except ClientDisconnect:
            send.status = CLIENT_GONE
        except BrokenOff:
            pass  # uvicorn ends the connection if the application returns with an unfinished response
        except asyncio.CancelledError:
            # uvicorn stops, and waits no longer. The cancellation ends here: uvicorn would log it as a fault.
            if not send.status:
                message = "The server is stopping: send the request again."
                response = error_response(503, ErrorCode.SERVICE_UNAVAILABLE, message, headers={"retry-after": "1"})
                await response(scope, receive, send)
        except Exception:
            log.exception("request failed")
            if send.status:
                raise
            response = error_response(500, ErrorCode.INTERNAL_SERVER_ERROR, INTERNAL_MESSAGE, requestId=send.request_id)
            await response(scope, receive, send)
        finally:
            seconds = perf_counter() - started
            status = send.status or CLIENT_GONE
            self.http.ended(status, None if scope["state"].get("is_stream") else seconds)
            # The path as sent, percent-encoded: it can't break the line.
            path = scope.get("raw_path", b"")[:_LONGEST_PATH].decode("latin-1")
            self.write_line(send.request_id, scope["method"], path, status, round(seconds * 1000, 3))

    async def _checked(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send) -> None:
        """Refuse a faulty head, a foreign host name and a body that is declared too large; serve all others."""
        path = scope["path"]
        if fault := _fault(scope):
            await _drain(receive)  # a client that is sending a body reads no answer
            await _fault_response(fault)(scope, receive, send)
        # Probes and scrapes have the address of a machine or a pod as `Host`: their paths allow any.
        elif not self.hosts.allow(headers.get(b"host", b"")) and path not in PROBES:
            refusal = error_response(400, ErrorCode.BAD_REQUEST, "The server does not serve this host name.")
            await refusal(scope, receive, send)
        elif self.is_open and path not in PUBLIC and _came_through_a_proxy(scope, headers):
            await error_response(403, ErrorCode.FORBIDDEN, PROXIED)(scope, receive, send)
        elif scope["type"] == "websocket":
            await self.app(scope, receive, send)
        elif refused := self._refused_body(scope, headers):
            # A client that waits for "100 Continue" has sent nothing yet.
            if headers.get(b"expect", b"").lower() != b"100-continue":
                await _drain(receive)
            await self._shared(refused)(scope, receive, send)
        elif b"content-length" in headers and b"content-encoding" not in headers:
            # The parser delivers no more than a declared length, and finds no fault in that body.
            await self.endpoints.get(path, self.app)(scope, receive, send)
        else:
            is_gzip = _encoding(headers) in GZIP and scope["method"] not in WITHOUT_BODY
            await self._within_limit(self.endpoints.get(path, self.app), scope, receive, send, is_gzip=is_gzip)

    def _refused_body(self, scope: Scope, headers: dict[bytes, bytes]) -> Response | None:
        """Return the refusal of a body for its headers."""
        declared = headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared[:20]) > self.max_body_bytes:
            return too_large(self.max_body_bytes)
        if b"content-encoding" in headers and _encoding(headers) not in ENCODINGS:
            return None if scope["method"] in WITHOUT_BODY else unsupported_encoding()
        return None

    async def _within_limit(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, is_gzip: bool) -> None:
        """Serve a request with a body of unknown length, and refuse a faulty body or one above the limit.

        The application gets a body of gzip inflated, within the same limit. The headers stay those of the client.

        Before the refusal, the rest of the body is read and discarded, within bounds: most clients write the whole body
        before they read, and would see only a reset connection.
        """
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if fault := _fault(scope):
                    raise BodyRefused(_fault_response(fault), more=False)
                if received > self.max_body_bytes:
                    raise BodyRefused(too_large(self.max_body_bytes), more=message.get("more_body", False))
            return message

        read: Receive = receive_within_limit
        if is_gzip:
            read = inflated(read, self.max_body_bytes)
        try:
            await app(scope, read, send)
        except BodyRefused as refused:
            if refused.more:  # after the last part, only the disconnect would follow
                await _drain(receive)
            await self._shared(refused.response)(scope, receive, send)


class _Hosts:
    """The host names that the server serves."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self.all = "*" in allowed
        self.names = frozenset(host.lower() for host in allowed if not host.startswith("*."))
        self.domains = tuple(host[1:].lower() for host in allowed if host.startswith("*."))

    def allow(self, header: bytes) -> bool:
        """Whether the `Host` header, without its port, is an allowed one."""
        if self.all:
            return True
        host = header.decode("latin-1").lower()
        host = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
        return host in self.names or host.endswith(self.domains)


def _came_through_a_proxy(scope: Scope, headers: dict[bytes, bytes]) -> bool:
    """Return whether a proxy passed the request on. nginx by its defaults adds no header, and speaks HTTP/1.0."""
    if b"via" in headers or b"forwarded" in headers or scope["http_version"] == "1.0":
        return True
    return any(name.startswith(b"x-forwarded-") for name in headers)


def _encoding(headers: dict[bytes, bytes]) -> str:
    return headers.get(b"content-encoding", b"identity").decode("latin-1").strip().lower()


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


def _request_id(given: bytes | None) -> str:
    """Return the client's own id if it is valid, otherwise a new one."""
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode("ascii")
    return uuid_utils.uuid7().hex


def _write_line(_request_id: str, method: str, path: str, status: int, milliseconds: float) -> None:
    log.info("request", method=method, path=path, status=status, milliseconds=milliseconds)
