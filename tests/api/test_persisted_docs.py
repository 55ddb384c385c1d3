"""The commands and the manifest of docs/persisted-operations.md work as written."""

from __future__ import annotations

import gzip
import json
import re
import shlex
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from execution.manifests import read_manifest
from execution.persisted import MAX_BYTES
from tests.support import ROOT, Server

Start = Callable[..., Awaitable[Server]]

TEXT = (ROOT / "docs" / "persisted-operations.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    ((?:curl|gzip) .*)$", TEXT, flags=re.MULTILINE)
HERE = "127.0.0.1:8000"
NAMES = {"data": {"analyzers": [{"name": "text"}]}}


async def answer(server: Server, command: str) -> httpx.Response:
    """Send the request of a command without curl, which may be missing."""
    before, _, request = command.rpartition(" | ")
    _, *words = shlex.split(request)
    (url,) = (word for word in words if word.startswith("http"))
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
    body = words[words.index("-d") + 1].encode() if "-d" in words else None
    if before:
        assert (before, words[-2:]) == ("gzip -c request.json", ["--data-binary", "@-"])
        body = gzip.compress(json.dumps({"query": "{ analyzers { name } }"}).encode())
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=120) as http:
        method = "GET" if body is None else "POST"
        return await http.request(method, url.replace(HERE, f"127.0.0.1:{server.port}"), content=body, headers=headers)


async def test_every_command_of_the_page(server: Start, tmp_path: Path) -> None:
    (block,) = re.findall(r"^```json\n(.*?)^```$", TEXT, flags=re.DOTALL | re.MULTILINE)
    manifest = tmp_path / "documents.json"
    manifest.write_text(block)
    assert len(read_manifest(manifest)) == 2
    missing, registered, by_key, by_hash, packed = COMMANDS

    one = await server(workers=0)
    first: Any = (await answer(one, missing)).json()
    assert first["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    for command in (registered, missing, packed):
        assert (await answer(one, command)).json() == NAMES

    two = await server(workers=0, trusted_documents=manifest, trusted_documents_only=True)
    for command in (by_key, by_hash, missing, registered):
        assert (await answer(two, command)).json() == NAMES
    assert (await answer(two, by_key)).headers["cache-control"] == "private, no-cache"
    assert (await answer(two, packed)).json()["errors"][0]["extensions"]["code"] == "QUERY_NOT_IN_SAFELIST"


def test_the_bound_of_registrations_is_stated() -> None:
    assert MAX_BYTES == 4 * 1024 * 1024
    assert "4 MB" in TEXT
