"""Answers that a client's cache may keep, and revalidates at each use (RFC 9110, section 13.1.2; RFC 9111).

These are answers without errors to a GET of a persisted query, whose URL is short and stable. The tag is made of the
content before compression, which appends a suffix (`web.compression`).
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING

from starlette.responses import Response

from web.compression import ETAG_SUFFIX
from web.responses import json_response

if TYPE_CHECKING:
    from starlette.datastructures import Headers

# A shared cache keeps no answer. Of the headers of a request, Accept decides the media type.
_HEADERS = {"cache-control": "private, no-cache", "vary": "Accept"}
_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def revalidated(answer: bytes, media_type: str, headers: Headers) -> Response:
    """Return the answer with its tag, or 304 without a body if the client has the answer, by its `If-None-Match`."""
    opaque = blake2b(media_type.encode() + answer, digest_size=16).hexdigest()
    given = ",".join(headers.getlist("if-none-match"))
    same = next((tag for tag in _TAG.finditer(given) if tag[1].removesuffix(ETAG_SUFFIX) == opaque), None)
    if same or given.strip() == "*":
        # The tag of the form that the client has, compressed or not.
        tag = same[0] if same else f'"{opaque}"'
        return Response(None, 304, {**_HEADERS, "vary": "Accept, Accept-Encoding", "etag": tag})
    return json_response(answer, media_type=media_type, headers={**_HEADERS, "etag": f'"{opaque}"'})
