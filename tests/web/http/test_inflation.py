"""Request bodies with `Content-Encoding`: gzip within the limit of a body, and the refusal of all else."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.http.toy import Server
from tests.web.http.wire import head, refused
from web.inflation import PIECE_BYTES, BodyRefused, inflated

Serve = Callable[..., Server]

JSON = {"content-type": "application/json"}
HELLO = b'{"query":"{ hello }"}'
SAID = {"data": {"hello": "Hello world"}}
ECHO = "query ($value: JSON!) { echo(value: $value) }"


async def post(server: Server, body: Any, coding: str = "gzip", **headers: str) -> httpx.Response:
    return await server.send("POST", content=body, headers=JSON | {"content-encoding": coding} | headers)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip"])
async def test_p06_a_body_of_gzip(server: Server, coding: str) -> None:
    for level in (0, 1, 9):
        answer = await post(server, gzip.compress(HELLO, level), coding)
        assert (answer.status_code, answer.json()) == (200, SAID)


@pytest.mark.parametrize("coding", ["identity", "Identity"])
async def test_the_identity_encoding(server: Server, coding: str) -> None:
    assert (await post(server, HELLO, coding)).json() == SAID


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "identity, gzip", "gzip, gzip", "nonsense", ""])
async def test_another_encoding_is_refused_clearly(server: Server, coding: str) -> None:
    for body in (gzip.compress(HELLO), b""):
        answer = await post(server, body, coding)
        error = refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
        assert error["message"] == "`Content-Encoding` must be gzip or identity."
        assert answer.headers["accept-encoding"] == "gzip, identity"


async def test_a_client_that_waits_for_100_continue_is_refused_at_once(server: Server) -> None:
    with server.dial() as wire:
        headers = ("Content-Type: application/json", "Content-Encoding: br", "Content-Length: 100")
        wire.say(head("POST", *headers, "Expect: 100-continue"))
        refused(wire.answer(), 415, "UNSUPPORTED_MEDIA_TYPE")
        assert wire.is_closed()


@pytest.mark.parametrize("coding", ["gzip", "br"])
async def test_a_get_has_no_body_to_encode(server: Server, coding: str) -> None:
    assert (await server.get(query="{ hello }", headers={"content-encoding": coding})).json() == SAID


async def test_a_large_body_in_many_chunks(server: Server) -> None:
    value = [f"number {number}" for number in range(60_000)]
    packed = gzip.compress(json.dumps({"query": ECHO, "variables": {"value": value}}).encode())

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(packed), 1_000):
            yield packed[start : start + 1_000]

    assert (await post(server, chunks())).json() == {"data": {"echo": value}}


async def test_a_multipart_body_of_gzip(server: Server) -> None:
    form = "--x\r\nContent-Disposition: form-data; name={}\r\n\r\n{}\r\n"
    body = form.format("operations", HELLO.decode()) + form.format("map", "{}") + "--x--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = await post(server, gzip.compress(body.encode()), **headers)
    assert (answer.status_code, answer.json()) == (200, SAID)


WHOLE = gzip.compress(HELLO)
MALFORMED = {
    "empty": b"",
    "not compressed": HELLO,
    "zlib": zlib.compress(HELLO),
    "raw deflate": zlib.compress(HELLO, wbits=-15),
    "no end": WHOLE[:-1],
    "a head": WHOLE[:10],
    "half a head": WHOLE[:5],
    "a wrong checksum": WHOLE[:-5] + bytes([WHOLE[-5] ^ 1]) + WHOLE[-4:],
    "a wrong length": WHOLE[:-1] + b"\1",
    "a flipped bit": WHOLE[:14] + bytes([WHOLE[14] ^ 255]) + WHOLE[15:],
    "a byte after": WHOLE + b"\0",
    "two members": WHOLE + WHOLE,
}


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("chunk", [1, 1_000])
async def test_a_malformed_body(server: Server, name: str, chunk: int) -> None:
    body = MALFORMED[name]

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), chunk):
            yield body[start : start + chunk]

    ran = server.probe.ran
    error = refused(await post(server, chunks()), 400, "BAD_REQUEST")
    assert error["message"].startswith("The body is not gzip, as `Content-Encoding` says, ")
    assert server.probe.ran == ran


async def test_gzip_of_no_json(server: Server) -> None:
    error = refused(await post(server, gzip.compress(b"")), 400, "BAD_REQUEST")
    assert error["message"].startswith("The body is not JSON: ")


def padded(size: int) -> bytes:
    return HELLO[:-1] + b',"pad":"' + b"x" * (size - len(HELLO) - 9) + b'"}'


@pytest.mark.parametrize("more", [-1, 0, 1])
async def test_the_limit_is_that_of_the_inflated_body(serve: Serve, more: int) -> None:
    server = serve(max_body_bytes=200_000)
    body = padded(200_000 + more)
    answer = await post(server, gzip.compress(body))
    if more <= 0:
        assert answer.json() == SAID
    else:
        assert refused(answer, 413, "PAYLOAD_TOO_LARGE")["extensions"]["limit"] == 200_000


async def test_a_bomb_is_inflated_up_to_the_limit(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """100 MB of zeros, in 0.5 MB: the server inflates no more than its 10 MB, and a piece."""
    bomb = gzip.compress(bytes(100_000_000), 1)
    assert len(bomb) < 500_000
    inflated_bytes = 0
    real = zlib.decompressobj

    class Counted:
        def __init__(self, window: int) -> None:
            self.real = real(window)

        def decompress(self, data: bytes, most: int) -> bytes:
            nonlocal inflated_bytes
            piece = self.real.decompress(data, most)
            inflated_bytes += len(piece)
            return piece

        def __getattr__(self, name: str) -> Any:
            return getattr(self.real, name)

    monkeypatch.setattr("web.inflation.zlib.decompressobj", Counted)
    error = refused(await post(server, bomb), 413, "PAYLOAD_TOO_LARGE")
    assert error["extensions"]["limit"] == 10_000_000
    assert 10_000_000 < inflated_bytes <= 10_000_000 + PIECE_BYTES


async def test_a_compressed_body_above_the_limit(serve: Serve) -> None:
    server = serve(max_body_bytes=1_000)
    refused(await post(server, gzip.compress(bytes(range(256)) * 8, 0)), 413, "PAYLOAD_TOO_LARGE")


@given(st.binary(max_size=3 * PIECE_BYTES), st.lists(st.integers(1, 50_000), max_size=20), st.integers(0, 9))
def test_any_body_in_any_chunks_is_inflated(body: bytes, cuts: list[int], level: int) -> None:
    found, most = asyncio.run(received(gzip.compress(body * 2, level), cuts))
    assert found == body * 2
    assert most <= PIECE_BYTES


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])
def test_sizes_about_a_piece(size: int) -> None:
    found, _ = asyncio.run(received(gzip.compress(bytes(size)), [1] * 12))
    assert found == bytes(size)
    if size:
        with pytest.raises(BodyRefused):
            asyncio.run(received(gzip.compress(bytes(size)), [], limit=size - 1))


async def received(packed: bytes, cuts: list[int], limit: int = 1 << 30) -> tuple[bytes, int]:
    """Return the inflated body of these bytes, cut into chunks, and the size of its largest piece."""
    chunks = []
    for cut in cuts:
        chunks.append(packed[:cut])
        packed = packed[cut:]
    chunks.append(packed)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    read = inflated(receive, limit)
    pieces = []
    while True:
        message = await read()
        pieces.append(message["body"])
        if not message["more_body"]:
            return b"".join(pieces), max(map(len, pieces))
