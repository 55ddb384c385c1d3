"""Strict reading of a request's head: every part with two readings is refused, before the application sees it.

A proxy and this server must read each request alike. Otherwise a client can hide a request, a host or an origin from
the proxy. llhttp, the parser below uvicorn, refuses ambiguous lengths, folded lines and spaces before a colon; this
module has the rest. `Host` is checked here for its form only: `web.middleware` has the allowed names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import TYPE_CHECKING, Any, NamedTuple

from websockets.datastructures import Headers
from websockets.http11 import Request
from websockets.server import ServerProtocol

from execution.errors import MAX_QUOTED, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_URL_BYTES = 16_384
"""The target of a request, path and query string; proxies commonly allow 8 to 16 KiB."""

MAX_HEAD_BYTES = 65_536
"""Request line and headers together: room for the largest cookies and tokens of proxies."""

EXTENSION = "assay.fault"
"""The member of a scope's `extensions` with the request's Fault."""

_SINGLE = frozenset((b"host", b"origin", b"content-type", b"content-length", b"content-encoding", b"authorization"))

_AUTHORITY = re.compile(r"([a-z0-9._-]{1,255}|\[[0-9a-f:.]{2,45}\])(?::([0-9]{0,5}))?")
_NAMELESS = re.compile(r"(:[0-9]*)?")  # valid, and the middleware takes it for a foreign name
_ABSOLUTE = re.compile(rb"([a-z][a-z0-9+.-]*)://([^/?#]*)", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Fault:
    """The refusal of a request, for the middleware that answers it."""

    status: int
    code: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)
    extensions: dict[str, Any] = field(default_factory=dict)


def bad(message: str) -> Fault:
    return Fault(400, ErrorCode.BAD_REQUEST, message)


class Head(NamedTuple):
    """A request line and its headers, as sent. Header names are in lower case."""

    method: str
    target: bytes
    version: str
    headers: Sequence[tuple[bytes, bytes]]
    is_upgrade: bool
    """Whether the client asks for another protocol: WebSocket, or one that this server lacks."""
    size: int
    """Bytes of the whole head, also of headers that were dropped beyond the limit."""

    def values(self, name: bytes) -> list[str]:
        return [value.decode("latin-1") for each, value in self.headers if each == name]


@lru_cache(maxsize=256)
def authority(text: str, scheme: str) -> tuple[str, int] | None:
    """Return host and port of `HOST[:PORT]`, in lower case and with the scheme's default port; None if invalid."""
    match = _AUTHORITY.fullmatch(text.lower())
    if match is None:
        return None
    host, port = match[1], int(match[2] or 0) or _DEFAULT_PORTS.get(scheme, 0)
    if host.startswith("["):
        try:
            host = f"[{IPv6Address(host[1:-1])}]"
        except AddressValueError:
            return None
    return (host, port) if 0 < port <= 65_535 else None


def fault_of(head: Head) -> Fault | None:
    """Return the reason to refuse a request for its head; None for a request that the application may see."""
    if head.version not in ("1.0", "1.1"):
        return bad("The request must be HTTP/1.1 or HTTP/1.0.")
    named = dict(head.headers)
    return _size_fault(head) or _repeated(head, named) or _host_fault(head, named) or _body_fault(head, named)


def handshake_fault(head: Head) -> Fault | None:
    """Return the reason to refuse a WebSocket handshake (RFC 6455, section 4.2.1); None for a valid one."""
    if head.method != "GET":
        message = "A WebSocket handshake is a GET request."
        return Fault(405, ErrorCode.METHOD_NOT_ALLOWED, message, {"allow": "GET"})
    if head.version != "1.1":
        return bad("A WebSocket handshake needs HTTP/1.1.")
    if head.values(b"sec-websocket-version") != ["13"]:
        message = "`Sec-WebSocket-Version` must be 13, once."
        return Fault(426, ErrorCode.BAD_REQUEST, message, {"upgrade": "websocket", "sec-websocket-version": "13"})
    protocol = ServerProtocol()
    if protocol.accept(handshake("/", head.headers)).status_code != 101:
        return bad(f"The WebSocket handshake is invalid: {str(protocol.handshake_exc)[:MAX_QUOTED]}.")
    return None


def origin_form(target: bytes) -> bytes:
    """Return path and query of a target, without the host of an absolute URL (RFC 9112, section 3.2.2)."""
    absolute = None if target.startswith(b"/") else _ABSOLUTE.match(target)
    if absolute is None:
        return target
    rest = target[absolute.end() :]
    return rest if rest.startswith(b"/") else b"/" + rest


def handshake(target: str, headers: Sequence[tuple[bytes, bytes]]) -> Request:
    """Return a handshake in the form of websockets."""
    return Request(target, Headers([(name.decode("ascii"), value.decode("latin-1")) for name, value in headers]))


def _size_fault(head: Head) -> Fault | None:
    if len(head.target) > MAX_URL_BYTES:
        message = f"The URL is too long: at most {MAX_URL_BYTES} bytes. Send the operation by POST."
        return Fault(414, ErrorCode.URI_TOO_LONG, message, extensions={"limit": MAX_URL_BYTES})
    if head.size > MAX_HEAD_BYTES:
        return too_large()
    return None


def too_large() -> Fault:
    message = f"Request line and headers are too large: at most {MAX_HEAD_BYTES} bytes."
    return Fault(431, ErrorCode.HEADERS_TOO_LARGE, message, extensions={"limit": MAX_HEAD_BYTES})


def _repeated(head: Head, named: Mapping[bytes, bytes]) -> Fault | None:
    if len(named) == len(head.headers):
        return None
    seen: set[bytes] = set()
    for name, _ in head.headers:
        if name in _SINGLE and name in seen:
            return bad(f"The header `{name.decode().title()}` is there twice: it must be there once.")
        seen.add(name)
    return None


def _host_fault(head: Head, named: Mapping[bytes, bytes]) -> Fault | None:
    if b"host" not in named:
        return bad("The header `Host` is missing.") if head.version != "1.0" else None
    host = named[b"host"].decode("latin-1")
    if authority(host, "http") is None and not _NAMELESS.fullmatch(host):
        return bad("The header `Host` must be a name or an address, with or without a port.")
    absolute = None if head.target.startswith(b"/") else _ABSOLUTE.match(head.target)
    if absolute is not None:
        scheme, target_host = (part.decode("latin-1").lower() for part in absolute.groups())
        if scheme not in _DEFAULT_PORTS or authority(target_host, scheme) != authority(host, scheme):
            return bad("The target of the request must be a path, or a URL with the host of the header `Host`.")
    elif (not head.target.startswith(b"/") and head.target != b"*") or b"#" in head.target:
        return bad("The target of the request must be a path, without a fragment.")
    return None


def _body_fault(head: Head, named: Mapping[bytes, bytes]) -> Fault | None:
    if not head.is_upgrade and b"transfer-encoding" not in named:
        return None
    codings = head.values(b"transfer-encoding")
    if codings and head.version == "1.0":
        return bad("HTTP/1.0 has no `Transfer-Encoding`.")
    if codings and [coding.strip().lower() for coding in codings] != ["chunked"]:
        return bad("`Transfer-Encoding` must be chunked, once.")
    if head.is_upgrade and (codings or head.values(b"content-length") not in ([], ["0"])):
        # The parser takes the body for bytes of the other protocol.
        return bad("A request with a body can't ask for another protocol: send it without `Upgrade`.")
    return None
