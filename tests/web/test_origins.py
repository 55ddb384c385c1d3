"""The comparison of origins: scheme, host and port, whole."""

from __future__ import annotations

import pytest
from starlette.requests import HTTPConnection

from web.origins import Origins

ORIGINS = Origins(("https://app.example", "https://slash.example/", "HTTPS://Port.example:443", "http://[::1]:3000"))


def connection(scheme: str, host: str, origin: str | None) -> HTTPConnection:
    headers = [(b"host", host.encode())]
    if origin is not None:
        headers.append((b"origin", origin.encode("latin-1")))
    return HTTPConnection({"type": "http", "scheme": scheme, "headers": headers})


@pytest.mark.parametrize(
    ("scheme", "host", "origin"),
    [
        ("http", "assay.example", None),
        ("http", "assay.example", "http://assay.example"),
        ("http", "ASSAY.example", "http://assay.example"),
        ("http", "assay.example:80", "http://assay.example"),
        ("ws", "assay.example", "http://assay.example:80"),
        ("https", "assay.example:443", "https://assay.example"),
        ("wss", "assay.example", "https://assay.example:443"),
        ("ws", "127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("ws", "[::1]:8000", "http://[0:0::1]:8000"),
        ("http", "assay.example", "https://app.example"),
        ("http", "assay.example", "https://slash.example"),
        ("http", "assay.example", "https://port.example"),
        ("http", "assay.example", "http://[::1]:3000"),
    ],
)
def test_an_origin_of_this_server_or_an_allowed_one(scheme: str, host: str, origin: str | None) -> None:
    assert not ORIGINS.is_foreign(connection(scheme, host, origin))


@pytest.mark.parametrize(
    ("scheme", "host", "origin"),
    [
        ("http", "assay.example", "https://assay.example"),
        ("https", "assay.example", "http://assay.example"),
        ("http", "assay.example:443", "https://assay.example"),
        ("http", "assay.example", "http://assay.example:8000"),
        ("http", "assay.example:8000", "http://assay.example"),
        ("http", "assay.example", "http://assay.example/"),
        ("http", "assay.example", "http://assay.example/page"),
        ("http", "assay.example", "http://assay.example?x"),
        ("http", "assay.example", "http://assay.example#x"),
        ("http", "assay.example", "http://user@assay.example"),
        ("http", "assay.example", "http://assay.example@evil.example"),
        ("http", "assay.example", "http://assay.example.evil.example"),
        ("http", "assay.example", "http://assay.example http://evil.example"),
        ("http", "assay.example", "assay.example"),
        ("http", "assay.example", "ws://assay.example"),
        ("http", "assay.example", "null"),
        ("http", "assay.example", ""),
        ("http", "assay.example", "http://"),
        ("http", "assay.example", "http://["),
        ("http", "assay.example", "http://assay.example:99999"),
        ("http", "", "http://"),
        ("http", "assay.example", "http://app.example"),
        ("http", "assay.example", "https://app.example:444"),
        ("http", "assay.example", "https://app.example/page"),
    ],
)
def test_another_origin(scheme: str, host: str, origin: str) -> None:
    assert ORIGINS.is_foreign(connection(scheme, host, origin))


def test_an_unreadable_allowed_origin_allows_nothing() -> None:
    assert Origins(("*", "null", "app.example")).is_foreign(connection("http", "assay.example", "null"))
