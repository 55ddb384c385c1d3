"""Tokens of an external issuer: `oidc-provider`, a real one, which changes its keys, stops and starts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

import access.issuer
from access.issuer import Issuer, IssuerUnavailable
from access.tokens import ExpiredToken
from store.sql.clock import utcnow
from tests.support import CLIENTS

AUDIENCE = "https://assay.example/graphql"


class Provider:
    """The issuer's process."""

    def __init__(self, process: asyncio.subprocess.Process, address: str) -> None:
        self.process = process
        self.address = address

    async def do(self, *command: str) -> Any:
        assert self.process.stdin
        self.process.stdin.write(f"{' '.join(command)}\n".encode())
        return json.loads(await self.line())

    async def line(self) -> str:
        assert self.process.stdout
        while line := (await self.process.stdout.readline()).decode():
            if not line.startswith("oidc-provider "):  # its warnings
                return line.strip()
        raise AssertionError("the issuer has ended")


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("node", "issuer.mjs", cwd=CLIENTS, stdin=pipe, stdout=pipe)
    made = Provider(process, "")
    made.address = await made.line()
    yield made
    process.terminate()
    await process.wait()


@pytest.fixture
def asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the interval between two requests for keys."""
    monkeypatch.setattr(access.issuer, "AGAIN_SECONDS", 0.0)


@pytest.mark.needs("node")
@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_a_token_of_the_issuer(provider: Provider, algorithm: str) -> None:
    issuer = Issuer(provider.address + "/", ["other", AUDIENCE])
    found = await issuer.verify(await provider.do("token", AUDIENCE, algorithm), utcnow())
    assert found is not None
    assert found.subject == "tests"
    assert found.claims["scope"] == "api"
    assert timedelta(minutes=9) < found.expires_at - utcnow() <= timedelta(minutes=10)


@pytest.mark.needs("node")
async def test_tokens_that_are_not_for_this_server(provider: Provider) -> None:
    issuer = Issuer(provider.address, [AUDIENCE])
    token, now = await provider.do("token", AUDIENCE), utcnow()
    found = await issuer.verify(token, now)
    assert found is not None
    began, end = datetime.fromtimestamp(found.claims["iat"], UTC), found.expires_at
    assert await issuer.verify(token, end + timedelta(seconds=29)), "30 s of leeway"
    with pytest.raises(ExpiredToken):
        await issuer.verify(token, end + timedelta(seconds=31))
    assert await issuer.verify(token, began - timedelta(seconds=29))
    assert await issuer.verify(token, began - timedelta(seconds=31)) is None, "from the future"
    assert await issuer.verify(await provider.do("token", "https://other.example"), now) is None
    assert await Issuer(provider.address, [AUDIENCE], ["ES256"]).verify(token, now) is None
    header, payload, signature = token.split(".")
    for wrong in (
        f"{header}.{payload}.",
        f"{header}.{payload}.{signature[:-4]}AAAA",
        f"e30.{payload}.{signature}",
        "x",
        "",
    ):
        assert await issuer.verify(wrong, now) is None


@pytest.mark.needs("node")
@pytest.mark.usefixtures("asks_again")
async def test_new_keys_are_found_and_old_ones_forgotten(provider: Provider) -> None:
    issuer = Issuer(provider.address, [AUDIENCE])
    first = await provider.do("token", AUDIENCE)
    assert await issuer.verify(first, utcnow())
    await provider.do("rotate")
    assert await issuer.verify(await provider.do("token", AUDIENCE), utcnow())
    assert await issuer.verify(first, utcnow()) is None


@pytest.mark.needs("node")
@pytest.mark.usefixtures("asks_again")
async def test_an_issuer_that_stops(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer(provider.address, [AUDIENCE])
    token = await provider.do("token", AUDIENCE)
    assert await issuer.verify(token, utcnow())
    await provider.do("stop")
    assert await issuer.verify(token, utcnow()), "by the keys from before"
    with pytest.raises(IssuerUnavailable):
        await Issuer(provider.address, [AUDIENCE]).verify(token, utcnow())
    monkeypatch.setattr(access.issuer, "VALID_SECONDS", 0.0)
    with pytest.raises(IssuerUnavailable):
        await issuer.verify(token, utcnow())
    monkeypatch.undo()
    monkeypatch.setattr(access.issuer, "AGAIN_SECONDS", 0.0)
    await provider.do("start")
    assert await issuer.verify(token, utcnow())


class Answers(BaseHTTPRequestHandler):
    """A server that gives the same answer to all requests, and counts them."""

    status, body, location = 200, b"", ""
    requests: list[str] = []  # noqa: RUF012 - replaced for each server

    def do_GET(self) -> None:
        self.requests.append(self.path)
        self.send_response(self.status)
        if self.location:
            self.send_header("location", self.location)
        self.end_headers()
        self.wfile.write(self.body.replace(b"HERE", f"http://{self.headers['host']}".encode()))

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering(body: bytes, status: int = 200, location: str = "") -> Iterator[tuple[str, list[str]]]:
    requests: list[str] = []
    handler = type("Fixed", (Answers,), {"body": body, "status": status, "location": location, "requests": requests})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", requests
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"issuer": 1}'),
        (200, b'{"issuer": "https://other.example", "jwks_uri": "HERE/keys"}'),
        (200, b'{"issuer": "HERE", "jwks_uri": "https://other.example/keys"}'),
        (200, b'{"issuer": "HERE", "jwks_uri": "file:///etc/passwd"}'),
        (200, b'{"issuer": "HERE", "jwks_uri": "HERE/keys"}'),
        (200, b'{"issuer": "HERE", "jwks_uri": "HERE/keys", "keys": [{"kty": "RSA"}]}'),
        (200, b'{"issuer": "HERE", "jwks_uri": "HERE/keys", "keys": [1]}'),
        (200, b'{"issuer": "HERE", "jwks_uri": "HERE/keys", "keys": [{"kty": "oct", "k": "c2VjcmV0"}]}'),
        (200, b'{"a": "' + b"a" * (2 << 20) + b'"}'),
        (200, b"[" * 100_000),
        (302, b""),
        (404, b"{}"),
        (500, b"{}"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_an_issuer_with_wrong_answers(status: int, body: bytes) -> None:
    with answering(body, status, "http://127.0.0.1:9/" if status == 302 else "") as (address, requests):
        issuer = Issuer(address, [AUDIENCE])
        with pytest.raises(IssuerUnavailable):
            await issuer.verify("eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.e30.AAAA", utcnow())
        assert requests[0] == "/.well-known/openid-configuration"


async def test_rubbish_asks_the_issuer_once() -> None:
    with answering(b"{}") as (address, requests):
        issuer = Issuer(address, [AUDIENCE])

        async def verify(text: str) -> None:
            with pytest.raises(IssuerUnavailable):
                await issuer.verify(text, utcnow())

        await asyncio.gather(*(verify(f"{number}.e30.AAAA") for number in range(100)))
        assert len(requests) == 1


@pytest.mark.parametrize("text", ["x" * 5_000, "é", "\ud800"])
async def test_impossible_tokens_do_not_reach_the_issuer(text: str) -> None:
    assert await Issuer("http://127.0.0.1:9", [AUDIENCE]).verify(text, utcnow()) is None


@pytest.mark.parametrize("algorithm", ["HS256", "none", "", "RS1"])
def test_symmetric_algorithms_are_refused(algorithm: str) -> None:
    with pytest.raises(ValueError, match="not an asymmetric algorithm"):
        Issuer("https://issuer.example", [AUDIENCE], ["RS256", algorithm])


def test_an_audience_is_required() -> None:
    with pytest.raises(ValueError, match="needs an audience"):
        Issuer("https://issuer.example", [])
