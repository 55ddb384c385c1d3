"""Compression of large JSON answers, as the client accepts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.web.http.toy import Server
from tests.web.http.wire import head
from web.compression import MIN_BYTES, THREAD_BYTES, accepts_gzip

Serve = Callable[..., Server]
EMPTY = len('{"data":{"hello":"Hello "}}')


async def raw(server: Server, name: str, **headers: str) -> tuple[httpx.Headers, bytes]:
    """Return the headers and the undecoded body of the answer with this name."""
    body = json.dumps({"query": "query ($name: String!) { hello(name: $name) }", "variables": {"name": name}})
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=60) as client:
        given = {"content-type": "application/json", **{key.replace("_", "-"): text for key, text in headers.items()}}
        async with client.stream("POST", f"{server.address}/graphql", content=body, headers=given) as answer:
            assert answer.status_code == 200
            return answer.headers, b"".join([part async for part in answer.aiter_raw()])


def answered(name: str) -> bytes:
    return json.dumps({"data": {"hello": f"Hello {name}"}}, separators=(",", ":")).encode()


@pytest.mark.parametrize("length", [MIN_BYTES - 1, MIN_BYTES, MIN_BYTES + 1, THREAD_BYTES - 1, THREAD_BYTES])
async def test_json_is_compressed_from_a_size_on(server: Server, length: int) -> None:
    name = "x" * (length - EMPTY)
    headers, body = await raw(server, name, accept_encoding="gzip, br")
    assert headers["content-length"] == str(len(body))
    if length < MIN_BYTES:
        assert ("content-encoding" in headers, "vary" in headers) == (False, False)
        assert body == answered(name)
    else:
        assert (headers["content-encoding"], headers["vary"]) == ("gzip", "Accept-Encoding")
        assert gzip.decompress(body) == answered(name)
        assert len(body) < length / 10
    assert headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("GZip;Q=0.5", True),
        ("br, gzip;q=0.8, *;q=0.1", True),
        ("*", True),
        ("br;q=1.0, *;q=0", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("gzip;q=nonsense", False),
        ("identity", False),
        ("identity;q=1, gzip;q=0.5", False),
        ("identity;q=0.5, gzip;q=1.0", True),
        ("identity, gzip", True),
        ("br, zstd, deflate", False),
        ("xgzip", False),
    ],
)
async def test_the_client_chooses(server: Server, header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted
    name = "x" * MIN_BYTES
    headers, body = await raw(server, name, accept_encoding=header)
    assert (headers.get("content-encoding"), headers["vary"]) == ("gzip" if accepted else None, "Accept-Encoding")
    assert (gzip.decompress(body) if accepted else body) == answered(name)


async def test_vary_keeps_other_headers(serve: Serve) -> None:
    server = serve(allowed_origins="https://other.example")
    name = "x" * MIN_BYTES
    headers, body = await raw(server, name, accept_encoding="gzip", origin="https://other.example")
    assert headers["access-control-allow-origin"] == "https://other.example"
    assert {each.strip() for each in headers["vary"].split(",")} == {"Accept-Encoding", "Origin"}
    assert gzip.decompress(body) == answered(name)


async def test_large_refusals_are_compressed(server: Server) -> None:
    query = "{ " + " ".join(f"none_{number}_{'x' * 1000}" for number in range(20)) + " }"
    body = json.dumps({"query": query}).encode()
    with server.dial() as wire:
        accept = ("Content-Type: application/json", "Accept-Encoding: gzip")
        wire.say(head("POST", *accept, f"Content-Length: {len(body)}"), body)
        answer = wire.answer()
        assert answer.headers["content-encoding"] == "gzip"
        found: dict[str, Any] = json.loads(gzip.decompress(answer.content))
        assert {error["extensions"]["code"] for error in found["errors"]} == {"GRAPHQL_VALIDATION_FAILED"}


@pytest.mark.parametrize("accept", ["text/event-stream", "multipart/mixed;subscriptionSpec=1.0"])
async def test_streams_are_not_compressed(server: Server, accept: str) -> None:
    text = "x" * MIN_BYTES
    body = json.dumps({"query": "subscription ($text: String!) { said(text: $text) }", "variables": {"text": text}})
    with server.dial() as wire:
        wire.post(body.encode(), f"Accept: {accept}", "Accept-Encoding: gzip")
        followed = wire.follow()
        assert "content-encoding" not in followed.headers
        assert "vary" not in followed.headers
