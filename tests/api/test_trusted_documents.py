"""Persisted operations on real servers: manifests at start, trusted documents only, and two servers of one database."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from gql import GraphQLRequest, gql
from gql.client import AsyncClientSession
from gql.transport.exceptions import TransportQueryError

from execution.manifests import sha256_of
from tests.support import ROOT, Server, free_port

Start = Callable[..., Awaitable[Server]]
Connect = Callable[..., Awaitable[AsyncClientSession]]

NAMES = "query Names { analyzers { name } }"


async def send(server: Server, **body: Any) -> Any:
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=120) as http:
        return (await http.post(server.url, json=body)).json()


def code_of(answer: Any) -> str:
    (error,) = answer["errors"]
    return str(error["extensions"]["code"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "The file can't be read: No such file or directory."),
        ("{", "The file is not JSON: "),
        ('{"a": "{ nope }"}', "\"a\": The document is invalid: Cannot query field 'nope' on type 'Query'."),
        (json.dumps({"a": NAMES, f"sha256:{'0' * 64}": NAMES}), f'"sha256:{"0" * 64}": The SHA-256 of the text is '),
    ],
)
async def test_a_server_does_not_start_with_a_faulty_manifest(tmp_path: Path, content: str | None, reason: str) -> None:
    path = tmp_path / "manifest.json"
    if content is not None:
        path.write_text(content)
    settings = ("--data-dir", str(tmp_path), "--port", str(free_port()), "--trusted-documents", str(path))
    command = [sys.executable, "server.py", "serve", *settings]
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"ASSAY_TRUSTED_DOCUMENTS: {path}: {reason}")
    assert done.stderr.count("\n") == 1


async def test_the_mode_needs_a_manifest(tmp_path: Path) -> None:
    command = [sys.executable, "server.py", "serve", "--data-dir", str(tmp_path), "--trusted-documents-only", "true"]
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, check=False)
    message = "ASSAY_TRUSTED_DOCUMENTS_ONLY is set: set ASSAY_TRUSTED_DOCUMENTS too.\n"
    assert (done.returncode, done.stderr) == (2, message)


async def test_a_miss_on_a_second_server_is_one_more_request(server: Start) -> None:
    one, two = await server(workers=0), await server(workers=0)
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": sha256_of(NAMES)}}
    assert "data" in await send(one, query=NAMES, extensions=extensions)
    assert "data" in await send(one, extensions=extensions)
    assert code_of(await send(two, extensions=extensions)) == "PERSISTED_QUERY_NOT_FOUND"
    assert "data" in await send(two, query=NAMES, extensions=extensions)
    assert "data" in await send(two, extensions=extensions)
    await one.restart()
    assert code_of(await send(one, extensions=extensions)) == "PERSISTED_QUERY_NOT_FOUND"


WATCH = "subscription Events { events { type } }"


@pytest.mark.parametrize("transport", ["aiohttp", "httpx", "websockets"])
async def test_trusted_documents_only_over_each_transport_of_gql(
    server: Start, client: Connect, tmp_path: Path, transport: str
) -> None:
    trusted, watched = gql(NAMES), gql(WATCH)
    manifest = tmp_path / "manifest.json"
    texts = [request.payload["query"] for request in (trusted, watched)]
    manifest.write_text(json.dumps({f"sha256:{sha256_of(text)}": text for text in texts}))
    one = await server(workers=0, trusted_documents=manifest, trusted_documents_only=True)
    session = await client(one, transport)
    assert await session.execute(trusted) == {"analyzers": [{"name": "text"}]}
    for other in ("query Names { analyzers { id } }", "{ __schema { queryType { name } } }", "mutation { x }"):
        await refused(session, gql(other))
    if transport == "websockets":
        with pytest.raises(TransportQueryError) as refusal:
            await anext(session.subscribe(gql("subscription { events { cursor } }")))
        assert refusal.value.errors is not None
        assert refusal.value.errors[0]["extensions"]["code"] == "QUERY_NOT_IN_SAFELIST"
    assert code_of(await send(one, documentId="unknown")) == "QUERY_NOT_IN_SAFELIST"


async def refused(session: AsyncClientSession, request: GraphQLRequest) -> None:
    with pytest.raises(TransportQueryError) as refusal:
        await session.execute(request)
    assert refusal.value.errors is not None
    assert refusal.value.errors[0]["extensions"]["code"] == "QUERY_NOT_IN_SAFELIST"
