"""The origins of pages: whether a request comes from a page of this server, or of another site that may call it.

Browsers name the page's origin, and let any page open a socket or send a form to any host. Other clients name none.
Origins are compared whole: scheme, host and port, with the scheme's default port if none is named (RFC 6454, section
5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.requests import HTTPConnection

from web.serving.request_head import authority

FOREIGN = (
    "Pages of this origin may not connect here. For pages of another site, add the origin to ASSAY_ALLOWED_ORIGINS. "
    "Behind a proxy, let it send `Host` and `X-Forwarded-Proto` as the browser sees them, and name the proxy in "
    "FORWARDED_ALLOW_IPS."
)

Origin = tuple[str, str, int]

_ORIGIN = re.compile(r"(https?)://([^/?#@]+)", re.IGNORECASE)
_SCHEMES = {"ws": "http", "wss": "https"}


class Origins:
    """The origins whose pages may call this server, beside its own."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(parse(each.rstrip("/")) for each in allowed) - {None}

    def is_foreign(self, connection: HTTPConnection) -> bool:
        """Whether a page of another site has sent this request."""
        named = connection.headers.get("origin")
        if named is None:
            return False
        origin = parse(named)
        return origin is None or (origin not in self._allowed and origin != _own(connection))


def parse(text: str) -> Origin | None:
    """Return scheme, host and port of an origin; None for `null`, a URL with a path, and every other text."""
    match = _ORIGIN.fullmatch(text)
    return _whole(match[1].lower(), match[2]) if match else None


def _own(connection: HTTPConnection) -> Origin | None:
    scheme: str = connection.scope["scheme"]
    return _whole(_SCHEMES.get(scheme, scheme), connection.headers.get("host", ""))


def _whole(scheme: str, named: str) -> Origin | None:
    found = authority(named, scheme)
    return None if found is None else (scheme, *found)
