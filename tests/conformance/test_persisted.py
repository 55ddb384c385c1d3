"""Persisted operations of third-party clients, and the documents' commands and files."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.support import CLIENTS, Server, run, run_node

pytestmark = pytest.mark.needs("node")

Start = Callable[..., Awaitable[Server]]


async def test_automatic_persisted_queries_of_apollo_client_and_urql(server: Start) -> None:
    one = await server(workers=0)
    output = await asyncio.to_thread(run_node, "persisted.mjs", "automatic", one.url)
    assert output.splitlines()[-1] == "all ok"


@pytest.mark.parametrize("options", ["true", "{ hashAlgorithm: sha256 }"])
async def test_the_manifest_of_the_client_preset(server: Start, options: str) -> None:
    config = f"""
schema: {CLIENTS.parent.parent}/schema/schema.graphql
documents: {CLIENTS}/operations.graphql
generates: {{ gql/: {{ preset: client, presetConfig: {{ persistedDocuments: {options} }} }} }}
"""
    with tempfile.TemporaryDirectory(prefix=".persisted-", dir=CLIENTS / "node_modules") as made:
        folder = Path(made)
        (folder / "codegen.yml").write_text(config)
        program = CLIENTS / "node_modules" / ".bin" / "graphql-codegen"
        await asyncio.to_thread(run, program, "--config", "codegen.yml", cwd=folder)
        manifest = folder / "gql" / "persisted-documents.json"
        one = await server(workers=0, trusted_documents=manifest, trusted_documents_only=True)
        output = await asyncio.to_thread(run_node, "persisted.mjs", "trusted", one.url, manifest)
    assert output.splitlines()[-1] == "all ok"
