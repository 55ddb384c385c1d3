"""Third-party clients and checkers, run against a server."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from gql import gql
from gql.client import AsyncClientSession
from gql.transport.exceptions import TransportQueryError

from tests.support import CLIENTS, Server, run, run_node

pytestmark = pytest.mark.long

Start = Callable[..., Awaitable[Server]]
Connect = Callable[..., Awaitable[AsyncClientSession]]

UV = Path(sys.executable).with_name("uv")


def run_script(*arguments: str | Path) -> str:
    """Run a script of this folder in its own locked environment; return its output."""
    return run(UV, "run", "--frozen", "--script", *arguments, cwd=CLIENTS, env={"UV_PYTHON_DOWNLOADS": "never"})


@pytest.mark.needs("node")
async def test_all_61_audits_of_graphql_over_http_are_ok(server: Start) -> None:
    output = await asyncio.to_thread(run_node, "http-audit.mjs", (await server(workers=0)).url)
    assert output.splitlines()[-1].startswith("61 of 61 ok")


@pytest.mark.needs("node")
async def test_graphql_ws_queries_mutations_subscriptions_and_errors(server: Start) -> None:
    output = await asyncio.to_thread(run_node, "ws.mjs", (await server()).ws_url)
    assert output.splitlines()[-1] == "all ok"


async def test_generated_operations_cause_no_server_error(server: Start) -> None:
    one = await server()
    output = await asyncio.to_thread(run_script, "fuzz.py", one.url, "10", "1")
    assert re.search(r"(\d{2,}) generated, \1 passed", output), output


SUBMIT = """
mutation Submit($input: SubmitAnalysisInput!) {
  submitAnalysis(input: $input) { analysis { id status result { __typename summary } } userErrors { code path } }
}
"""


@pytest.mark.parametrize("transport", ["aiohttp", "httpx", "websockets"])
async def test_gql_queries_mutations_and_errors(server: Start, client: Connect, transport: str) -> None:
    session = await client(await server(), transport)

    answer = await session.execute(gql("query Names { analyzers { name } }"))
    assert "text" in {analyzer["name"] for analyzer in answer["analyzers"]}

    submit = gql(SUBMIT)
    submit.variable_values = {"input": {"request": {"text": {"text": "All is well."}}, "waitSeconds": 30}}
    payload = (await session.execute(submit))["submitAnalysis"]
    assert payload["userErrors"] == []
    assert payload["analysis"]["status"] == "COMPLETED"
    assert payload["analysis"]["result"]["__typename"] == "TextResult"

    submit.variable_values = {"input": {"request": {"text": {"text": ""}}}}
    payload = (await session.execute(submit))["submitAnalysis"]
    assert payload == {"analysis": None, "userErrors": [{"code": "INVALID", "path": ["request", "text", "text"]}]}

    with pytest.raises(TransportQueryError) as refusal:
        await session.execute(gql('query Bad { analysis(id: "nonsense") { id } }'))
    assert refusal.value.errors is not None
    assert refusal.value.errors[0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_gql_subscriptions(server: Start, client: Connect) -> None:
    session = await client(await server(), "websockets")
    batch = gql("mutation B($input: BatchProcessInput!) { batchProcess(input: $input) { batch { id } } }")
    batch.variable_values = {"input": {"items": [{"request": {"text": {"text": f"Text {n}."}}} for n in range(20)]}}
    identity = (await session.execute(batch))["batchProcess"]["batch"]["id"]

    watch = gql("subscription W($id: ID!) { batch(id: $id) { status totalItems processed } }")
    watch.variable_values = {"id": identity}
    seen = [answer["batch"] async for answer in _bounded(session.subscribe(watch))]
    assert [one["processed"] for one in seen] == sorted(one["processed"] for one in seen)
    assert seen[-1] == {"status": "COMPLETED", "totalItems": 20, "processed": 20}


async def _bounded(answers: AsyncIterator[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    async with asyncio.timeout(300):
        async for answer in answers:
            yield answer
