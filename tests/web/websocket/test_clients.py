"""The Python client gql over the same endpoint."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport

from tests.support import until
from tests.web.websocket.toy import Server


def transport(server: Server) -> WebsocketsTransport:
    return WebsocketsTransport(
        url=server.url, subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL], connect_args={"proxy": None}
    )


async def test_gql_queries_and_mutates(server: Server) -> None:
    bumped = server.probe.bumped
    async with Client(transport=transport(server)) as session:
        assert await session.execute(gql("{ hello }")) == {"hello": "Hello world"}
        assert await session.execute(gql("mutation { bump }")) == {"bump": bumped + 1}
        with pytest.raises(TransportQueryError) as refusal:
            await session.execute(gql("{ nope }"))
        assert refusal.value.errors is not None
        assert refusal.value.errors[0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
        assert await session.execute(gql("{ hello }")) == {"hello": "Hello world"}


async def test_gql_subscribes(server: Server) -> None:
    async with Client(transport=transport(server)) as session:
        seen = [event async for event in session.subscribe(gql("subscription { count(to: 3) }"))]
        assert seen == [{"count": 0}, {"count": 1}, {"count": 2}]
        async with aclosing(session.subscribe(gql("subscription { ticks }"))) as stream:
            assert [(await anext(stream))["ticks"] for _ in range(5)] == [0, 1, 2, 3, 4]
        await until(lambda: server.probe.open == 0)
        with pytest.raises(TransportQueryError):
            async for _ in session.subscribe(gql("subscription { throwing }")):
                pass
