"""Subscriptions of third-party clients over a crash and a restart of the server.

Each client must have all events of the log, in its order, without duplicates.
"""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE, STDOUT, create_subprocess_exec
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Any

import pytest
from gql import Client, GraphQLRequest
from gql.client import AsyncClientSession, ReconnectingAsyncClientSession
from gql.transport.exceptions import TransportClosed, TransportConnectionFailed
from gql.transport.websockets import WebsocketsTransport

from tests.support import CLIENTS, Server, post, run_node

pytestmark = pytest.mark.long

Start = Callable[..., Awaitable[Server]]

FOLLOWERS = (
    "graphql-ws",
    "graphql-sse",
    "apollo-ws",
    "apollo-multipart",
    "urql-ws",
    "urql-sse",
    "event-source",
)


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    one = Server(tmp_path_factory.mktemp("followed"), {})

    async def start() -> None:
        await one.start()

    asyncio.run(start())
    yield one
    asyncio.run(one.close())


@pytest.mark.needs("node")
@pytest.mark.parametrize("client", FOLLOWERS)
def test_queries_mutations_subscriptions_and_errors(shared_server: Server, client: str) -> None:
    assert run_node("follow.mjs", shared_server.url, client).splitlines()[-1] == "all ok"


@pytest.mark.needs("node")
@pytest.mark.parametrize("client", FOLLOWERS)
async def test_resumes_over_a_crash_and_a_restart(server: Start, client: str) -> None:
    one = await server()
    process = await create_subprocess_exec(
        "node", "follow.mjs", one.url, client, "resume", cwd=CLIENTS, stdin=PIPE, stdout=PIPE, stderr=STDOUT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    lines: list[str] = []
    try:
        async for line in process.stdout:
            lines.append(line.decode().strip())
            if lines[-1] in ("KILL", "STOP"):
                await one.restart(kill=lines[-1] == "KILL")
            if lines[-1] == "STOP":
                process.stdin.close()
        assert await process.wait() == 0, "\n".join(lines)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert [line for line in lines if line.isupper()] == ["KILL", "STOP"]
    assert lines[-1] == "all ok"


EVENTS = """
subscription Events($filter: EventFilter, $after: String) {
  events(filter: $filter, after: $after) { cursor type subjectId }
}
"""
LOG = """
query Log($filter: EventFilter, $after: String) {
  events(filter: $filter, first: 1000, after: $after) {
    nodes { cursor type subjectId } pageInfo { hasNextPage endCursor }
  }
}
"""
BATCH = "mutation B($input: BatchProcessInput!) { batchProcess(input: $input) { batch { id } } }"
LONG = "The harbour was quiet, and the ships lay still under a pale sky. " * 300


async def followed(
    session: ReconnectingAsyncClientSession, variables: dict[str, Any]
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield events; after a lost connection, resume from the newest cursor."""
    while True:
        try:
            async with aclosing(session.subscribe(GraphQLRequest(EVENTS, variable_values=variables))) as answers:
                async for answer in answers:
                    variables["after"] = answer["events"]["cursor"]
                    yield answer["events"]
        except (TransportConnectionFailed, TransportClosed):
            await asyncio.sleep(0.2)


async def test_gql_resumes_over_a_crash_and_a_restart(server: Start) -> None:
    one = await server()
    items = [{"request": {"text": {"text": f"{number} {LONG}"}}} for number in range(90)]
    submitted = await asyncio.to_thread(post, one.url, BATCH, {"input": {"items": items, "timeoutSeconds": 300}})
    where = {
        "batchId": submitted["data"]["batchProcess"]["batch"]["id"],
        "types": ["ANALYSIS_QUEUED", "ANALYSIS_STARTED", "ANALYSIS_COMPLETED", "BATCH_STARTED", "BATCH_COMPLETED"],
    }
    log = (await asyncio.to_thread(post, one.url, LOG, {"filter": where}))["data"]["events"]["nodes"]
    transport = WebsocketsTransport(
        url=one.ws_url, subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL], connect_args={"proxy": None}
    )
    client = Client(transport=transport)
    session: AsyncClientSession = await client.connect_async(reconnecting=True)  # type: ignore[no-untyped-call]
    assert isinstance(session, ReconnectingAsyncClientSession)
    seen = [log[0]]
    ends = [30, 60]
    try:
        async with (
            asyncio.timeout(300),
            aclosing(followed(session, {"filter": where, "after": log[0]["cursor"]})) as events,
        ):
            async for event in events:
                seen.append(event)
                completed = sum(each["type"] == "ANALYSIS_COMPLETED" for each in seen)
                if ends and completed == ends[0]:
                    await one.restart(kill=len(ends) == 2)
                    ends.pop(0)
                if event["type"] == "BATCH_COMPLETED":
                    break
    finally:
        await client.close_async()  # type: ignore[no-untyped-call]
    assert not ends
    logged: list[dict[str, Any]] = []
    page: dict[str, Any] = {"pageInfo": {"hasNextPage": True, "endCursor": None}}
    while page["pageInfo"]["hasNextPage"]:
        variables = {"filter": where, "after": page["pageInfo"]["endCursor"]}
        page = (await asyncio.to_thread(post, one.url, LOG, variables))["data"]["events"]
        logged += page["nodes"]
    assert seen == logged
    assert sum(each["type"] == "ANALYSIS_COMPLETED" for each in seen) == 90
