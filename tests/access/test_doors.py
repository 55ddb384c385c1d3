"""A closed server: HTTP, WebSocket, event streams, multipart, downloads and metrics, on both databases."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

import schema.access
from access.opaque import START, Kind, digest_of, new_token
from access.secrets import keys_of, new_secret
from access.tokens import LIFETIME, AccessTokens
from server import create_app
from settings import Settings, version
from store.access.api_keys import NewApiKey, create_api_key, revoke_api_key
from store.access.memberships import set_role
from store.access.sessions import Client, end_session, start_session
from store.access.users import update_user
from store.access.workspaces import create_workspace, delete_workspace
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.viewer import Role
from store.tables import UserRow
from tests.store.access.calls import new_user, write
from tests.support import SECRET, Server, until
from web.serving import http_protocol, websocket_protocol

Start = Callable[..., Awaitable[Server]]

RESPONSE, JSON = "application/graphql-response+json", "application/json"
COUNT = "{ analyses(last: 1) { totalCount } }"
EMPTY = {"data": {"analyses": {"totalCount": 0}}}
SUBMIT = 'mutation { submitAnalysis(input: {request: {text: {text: "Good."}}}) { analysis { status } } }'
METRICS = "subscription { metrics(intervalSeconds: 60) { instance } }"
EVENTS = "subscription { events { cursor } }"
TOKENS = AccessTokens(keys_of(SECRET))
METRICS_TOKEN = "the token of the scraper"


class Session(NamedTuple):
    """A sign-in session and its access token."""

    id: str
    token: str


async def session_of(database: Database, user: UserRow, now: datetime | None = None) -> Session:
    """Start a session, with a token issued at `now`."""
    started = await write(database, start_session, user.id, digest_of(new_token(Kind.REFRESH)), Client(), utcnow())
    assert started is not None
    return Session(started.id, TOKENS.sign(user.id, started.id, now or utcnow())[0])


class Key(NamedTuple):
    """An API key and its id."""

    id: str
    token: str


async def key_of(database: Database, user: UserRow, role: Role = Role.ADMIN, workspace: str = "default") -> Key:
    token = new_token(Kind.API_KEY)
    new = NewApiKey(workspace, "script", token[:START], digest_of(token), role, user.id, None)
    return Key((await write(database, create_api_key, new, utcnow())).id, token)


@pytest.fixture
async def closed(server: Start, database: Database, database_url: str) -> Server:
    """A closed server without workers."""
    return await server(workers=0, database_url=database_url, secret=SECRET, metrics_token=METRICS_TOKEN)


async def call(
    server: Server, query: str, token: str | None = None, *, accept: str = RESPONSE, **headers: str
) -> httpx.Response:
    given = {"accept": accept, **({"authorization": f"Bearer {token}"} if token else {})} | headers
    async with httpx.AsyncClient(trust_env=False, timeout=300) as client:
        return await client.post(server.url, json={"query": query}, headers=given)


async def get(server: Server, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=300) as client:
        return await client.get(server.address + path, headers=headers)


def code(answer: httpx.Response) -> str:
    (error,) = answer.json()["errors"]
    found: str = error["extensions"]["code"]
    return found


# HTTP


@pytest.mark.parametrize("accept", [RESPONSE, JSON])
async def test_statuses_by_credential_and_role(closed: Server, database: Database, accept: str) -> None:
    ann = await new_user(database, "ann", Role.ANALYST)
    viewer, analyst = await key_of(database, ann, Role.VIEWER), await key_of(database, ann, Role.ANALYST)
    nobody = await call(closed, COUNT, accept=accept)
    assert (nobody.status_code, code(nobody), nobody.headers["www-authenticate"]) == (401, "UNAUTHENTICATED", "Bearer")
    assert nobody.headers["content-type"] == f"{accept}; charset=utf-8"
    assert (await call(closed, "{ server { time } }", accept=accept)).status_code == 200, "for everybody"
    for wrong in (new_token(Kind.API_KEY), analyst.token[:-1], "x", "a.b.c", f"{analyst.token} {analyst.token}"):
        refused = await call(closed, "{ server { time } }", wrong, accept=accept)
        assert (refused.status_code, code(refused)) == (401, "UNAUTHENTICATED")
        assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert refused.headers["content-type"] == f"{accept}; charset=utf-8"
    low = await call(closed, SUBMIT, viewer.token, accept=accept)
    (error,) = low.json()["errors"]
    assert (low.status_code, error["extensions"]) == (
        403,
        {"code": "FORBIDDEN", "requires": "ANALYST", "path": ["submitAnalysis"]},
    )
    assert (await call(closed, COUNT, viewer.token, accept=accept)).json() == EMPTY
    assert (await call(closed, SUBMIT, analyst.token, accept=accept)).status_code == 200
    assert (await call(closed, COUNT, viewer.token)).json() == {"data": {"analyses": {"totalCount": 1}}}


async def test_only_a_bearer_header_is_a_credential(closed: Server, database: Database) -> None:
    key = await key_of(database, await new_user(database, "ann", Role.VIEWER))
    assert (await call(closed, COUNT, key.token)).json() == EMPTY
    assert (await call(closed, COUNT, authorization=f"bearer {key.token}")).json() == EMPTY
    for headers in ({"authorization": f"Basic {key.token}"}, {"authorization": key.token}):
        assert (await call(closed, COUNT, **headers)).status_code == 401
    for headers in ({"cookie": f"authorization=Bearer {key.token}"}, {"x-api-key": key.token}):
        assert (await call(closed, COUNT, **headers)).status_code == 401
    path = f"/graphql?query={COUNT}&authorization=Bearer {key.token}&access_token={key.token}"
    assert (await get(closed, path, accept=JSON)).status_code == 401


async def test_a_token_that_has_expired_and_a_session_that_has_ended(closed: Server, database: Database) -> None:
    ann = await new_user(database, "ann", Role.VIEWER)
    old = await session_of(database, ann, utcnow() - LIFETIME)
    refused = await call(closed, COUNT, old.token)
    assert (refused.status_code, code(refused)) == (401, "UNAUTHENTICATED")
    assert "refresh" in refused.json()["errors"][0]["message"]
    new = await session_of(database, ann)
    assert (await call(closed, COUNT, new.token)).json() == EMPTY
    await write(database, end_session, ann.id, new.id, utcnow())

    async def ended() -> bool:
        return (await call(closed, COUNT, new.token)).status_code == 401

    await until(ended, what="the remembered session to be forgotten")


async def test_a_workspace_of_others_is_as_one_that_never_existed(closed: Server, database: Database) -> None:
    ann = await new_user(database, "ann", Role.VIEWER)
    token = (await session_of(database, ann)).token
    for slug in ("own", "other", "gone"):
        row = await write(database, create_workspace, slug, slug, utcnow())
        if slug == "own":
            await write(database, set_role, row.key, ann.id, Role.ANALYST, utcnow())
        if slug == "gone":
            await write(database, delete_workspace, row.id, utcnow())
    assert (await call(closed, SUBMIT, token, **{"x-assay-workspace": "own"})).status_code == 200
    assert (await call(closed, COUNT, token)).json() == EMPTY, "in the first workspace"
    answers = [await call(closed, COUNT, token, **{"x-assay-workspace": slug}) for slug in ("other", "gone", "never")]
    assert [(each.status_code, code(each)) for each in answers] == [(404, "NOT_FOUND")] * 3
    assert len({each.content for each in answers}) == 1


async def test_another_origin_may_send_and_read_the_headers(server: Start) -> None:
    one = await server(workers=0, secret=SECRET, allowed_origins="https://app.example")
    asked = {"origin": "https://app.example", "access-control-request-method": "POST"}
    asked["access-control-request-headers"] = "authorization,x-assay-workspace,content-type"
    async with httpx.AsyncClient(trust_env=False, timeout=300) as client:
        assert (await client.options(one.url, headers=asked)).status_code == 200
    refused = await call(one, COUNT, origin="https://app.example")
    assert refused.status_code == 401
    assert "WWW-Authenticate" in refused.headers["access-control-expose-headers"]


async def test_the_server_shows_itself_to_callers_alone(closed: Server, database: Database) -> None:
    query = "{ server { version capabilities unavailable { name } publicUrl } }"
    hidden = {"version": None, "capabilities": ["ACCOUNTS"], "unavailable": [], "publicUrl": None}
    assert (await call(closed, query)).json() == {"data": {"server": hidden}}
    key = await key_of(database, await new_user(database, "ann", Role.VIEWER))
    shown = (await call(closed, query, key.token)).json()["data"]["server"]
    assert (shown["version"], shown["capabilities"]) == (version(), ["ACCOUNTS"])


# Downloads, metrics, pages


async def test_downloads_metrics_and_pages(closed: Server, database: Database) -> None:
    key = (await key_of(database, await new_user(database, "ann", Role.VIEWER), Role.VIEWER)).token
    missing = "batch_0000000000000000000000"
    for path in ("/analyses.jsonl", "/analyses.csv", f"/batches/{missing}/results.jsonl", "/analyses/x/input"):
        refused = await get(closed, path)
        assert (refused.status_code, code(refused)) == (401, "UNAUTHENTICATED")
        assert refused.headers["www-authenticate"] == "Bearer"
        assert (await get(closed, path, authorization=f"Bearer {key[:-1]}")).status_code == 401
        assert (await get(closed, path, authorization=f"Bearer {key}")).status_code in (200, 404)
        wrong = {"authorization": f"Bearer {key}", "x-assay-workspace": "never"}
        assert (await get(closed, path, **wrong)).status_code == 404
    for given in ({}, {"authorization": f"Bearer {key}"}, {"authorization": f"Bearer {METRICS_TOKEN}x"}):
        assert (await get(closed, "/metrics", **given)).status_code == 401
    scraped = await get(closed, "/metrics", authorization=f"Bearer {METRICS_TOKEN}")
    assert scraped.status_code == 200
    assert "assay_uptime_seconds" in scraped.text
    for path in ("/health/live", "/health/ready", "/dashboard"):
        assert (await get(closed, path)).status_code == 200
    assert (await get(closed, "/graphql", accept="text/html")).status_code == 200


async def test_metrics_are_refused_without_a_token(server: Start) -> None:
    one = await server(workers=0, secret=SECRET)
    for given in ({}, {"authorization": "Bearer"}, {"authorization": "Bearer x"}):
        assert (await get(one, "/metrics", **given)).status_code == 401


# WebSocket


class Socket(NamedTuple):
    connection: ClientConnection

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def receive(self) -> Any:
        async with asyncio.timeout(300):
            return json.loads(await self.connection.recv())

    async def closed(self) -> tuple[int, str]:
        """Return the code and the reason of the close frame, after all messages before it."""
        with suppress(ConnectionClosed):
            while True:
                await self.receive()
        assert self.connection.close_code is not None
        return self.connection.close_code, self.connection.close_reason or ""

    async def begin(self, query: str = METRICS) -> None:
        """Subscribe; of metrics, until the first answer."""
        await self.send(id="1", type="subscribe", payload={"query": query})
        if query == METRICS:
            assert (await self.receive())["type"] == "next"


@asynccontextmanager
async def opened(url: str, payload: dict[str, Any] | None = None, **headers: str) -> AsyncIterator[Socket]:
    subprotocols = [Subprotocol("graphql-transport-ws")]
    async with connect(url, subprotocols=subprotocols, additional_headers=headers, proxy=None) as connection:
        socket = Socket(connection)
        await socket.send(type="connection_init", payload=payload)
        yield socket


@asynccontextmanager
async def ready(server: Server, token: str) -> AsyncIterator[Socket]:
    async with opened(server.ws_url, {"authorization": f"Bearer {token}"}) as socket:
        assert (await socket.receive())["type"] == "connection_ack"
        yield socket


async def test_the_credential_of_a_socket(closed: Server, database: Database) -> None:
    ann = await new_user(database, "ann", Role.VIEWER)
    bearer = f"Bearer {(await key_of(database, ann)).token}"
    for payload, headers in (
        ({"authorization": bearer}, {}),
        ({"Authorization": bearer}, {}),
        (None, {"authorization": bearer}),
        ({"authorization": bearer, "workspace": "default"}, {"authorization": "Bearer replaced"}),
    ):
        async with opened(closed.ws_url, payload, **headers) as socket:
            assert (await socket.receive())["type"] == "connection_ack"
            await socket.begin()
    old = (await session_of(database, ann, utcnow() - LIFETIME)).token
    for wrong, expected in (
        ({"authorization": "Bearer forged"}, 4401),
        ({"authorization": 1}, 4401),
        ({"authorization": bearer, "workspace": "never"}, 4401),
        ({"authorization": f"Bearer {old}"}, 4403),
    ):
        async with opened(closed.ws_url, wrong) as socket:
            assert (await socket.closed())[0] == expected


async def test_a_socket_without_a_credential(closed: Server) -> None:
    async with opened(closed.ws_url) as socket:
        assert (await socket.receive())["type"] == "connection_ack"
        for query in (f"{METRICS} ", EVENTS, COUNT, SUBMIT):
            await socket.begin(query)
            refused = await socket.receive()
            assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == ("error", "UNAUTHENTICATED")
        await socket.begin("{ server { time } }")
        assert (await socket.receive())["type"] == "next"


async def test_a_socket_ends_when_its_token_expires(closed: Server, database: Database) -> None:
    ann = await new_user(database, "ann", Role.VIEWER)
    session = await session_of(database, ann, utcnow() - LIFETIME + timedelta(seconds=8))
    async with opened(closed.ws_url, {"authorization": f"Bearer {session.token}"}) as socket:
        assert (await socket.closed())[0] == 4403


@pytest.mark.parametrize("query", [METRICS, EVENTS], ids=["alone", "shared"])
@pytest.mark.parametrize("cause", ["key", "session", "user", "membership"])
async def test_lost_access_ends_the_sockets_it_opened(
    closed: Server, database: Database, query: str, cause: str
) -> None:
    ann, bob = [await new_user(database, name, Role.VIEWER) for name in ("ann", "bob")]
    key, session = await key_of(database, ann), await session_of(database, ann)
    other = await session_of(database, bob)
    async with ready(closed, other.token) as stays, ready(closed, (key if cause == "key" else session).token) as ends:
        for socket in (stays, ends):
            await socket.begin(query)
        if cause == "key":
            await write(database, revoke_api_key, "default", key.id, utcnow())
        elif cause == "session":
            await write(database, end_session, ann.id, session.id, utcnow())
        elif cause == "user":
            await write(database, update_user, ann.id, {"is_active": False}, utcnow())
        else:
            await write(database, set_role, "default", ann.id, None, utcnow())
        assert (await ends.closed())[0] == 4401
        await stays.send(type="ping")
        assert (await stays.receive())["type"] == "pong"


@pytest.mark.needs("postgresql")
async def test_a_revocation_ends_sockets_on_every_instance(server: Start, tables: None, postgresql_url: str) -> None:
    database = Database(Settings(database_url=postgresql_url).database)
    try:
        ann = await new_user(database, "ann", Role.VIEWER)
        session = await session_of(database, ann)
        first, second = [await server(workers=0, database_url=postgresql_url, secret=SECRET) for _ in range(2)]
        async with ready(first, session.token) as one, ready(second, session.token) as two:
            for socket in (one, two):
                await socket.begin()
            await write(database, end_session, ann.id, session.id, utcnow())
            for socket in (one, two):
                assert (await socket.closed())[0] == 4401
        for each in (first, second):
            assert (await call(each, COUNT, session.token)).status_code == 401
    finally:
        await database.close()


# Streams over HTTP


@pytest.mark.parametrize("query", [METRICS, EVENTS], ids=["alone", "shared"])
@pytest.mark.parametrize("accept", ["text/event-stream", "multipart/mixed"])
async def test_lost_access_ends_a_stream(closed: Server, database: Database, query: str, accept: str) -> None:
    ann = await new_user(database, "ann", Role.VIEWER)
    session = await session_of(database, ann)
    headers = {"accept": accept, "authorization": f"Bearer {session.token}"}
    received = b""
    async with (
        httpx.AsyncClient(trust_env=False, timeout=300) as client,
        client.stream("POST", closed.url, json={"query": query}, headers=headers) as stream,
    ):
        assert stream.status_code == 200
        async for some in stream.aiter_bytes():
            if not received:
                await write(database, end_session, ann.id, session.id, utcnow())
            received += some
    assert received.count(b'"code":"UNAUTHENTICATED"') == 1
    end = b"event: complete\ndata:\n\n" if accept == "text/event-stream" else b"--\r\n"
    assert received.endswith(end)


async def test_a_stream_without_a_credential(closed: Server) -> None:
    refused = await call(closed, METRICS, accept="text/event-stream")
    assert b'"code":"UNAUTHENTICATED"' in refused.content
    forged = await call(closed, METRICS, "forged", accept="text/event-stream")
    assert (forged.status_code, code(forged)) == (401, "UNAUTHENTICATED")


# In this process


class Beside(uvicorn.Server):
    """A server in the loop of the test, which keeps the signals."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@asynccontextmanager
async def serving(app: Starlette, settings: Settings) -> AsyncIterator[int]:
    """Serve an app with the program's protocols. Yields the port."""
    config = uvicorn.Config(
        app,
        port=0,
        log_config=None,
        http=http_protocol.protocol(http_protocol.HEADER_SECONDS, app.state.half_open, 0),
        ws=websocket_protocol.protocol(settings.socket_unsent_bytes),
        ws_per_message_deflate=False,
        lifespan="on",
    )
    server = Beside(config)
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started or task.done(), what="the server to start")
    yield server.servers[0].sockets[0].getsockname()[1]
    await app.state.stop()
    server.should_exit = True
    await task


@pytest.mark.parametrize("query", [METRICS, EVENTS], ids=["alone", "shared"])
async def test_a_role_that_falls_ends_the_subscriptions_that_need_more(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    """All landed subscriptions require VIEWER: this app requires ANALYST for the one of the test."""
    rule_of = schema.access.rule_of
    argument = "intervalSeconds" if query == METRICS else "progressIntervalSeconds"
    monkeypatch.setattr(
        schema.access, "rule_of", lambda field: "ANALYST" if field and argument in field.args else rule_of(field)
    )
    settings = Settings(database_url=database_url, workers=0, secret=SECRET)
    ann = await new_user(database, "ann", Role.ANALYST)
    bearer = f"Bearer {(await session_of(database, ann)).token}"
    other = "subscription { events { cursor } }" if query == METRICS else METRICS
    async with serving(create_app(settings), settings) as port:
        received = b""
        async with (
            opened(f"ws://127.0.0.1:{port}/graphql", {"authorization": bearer}) as socket,
            httpx.AsyncClient(trust_env=False, timeout=300) as client,
            client.stream(
                "POST",
                f"http://127.0.0.1:{port}/graphql",
                json={"query": query},
                headers={"authorization": bearer, "accept": "text/event-stream"},
            ) as stream,
        ):
            assert (await socket.receive())["type"] == "connection_ack"
            await socket.begin(query)
            await socket.send(id="2", type="subscribe", payload={"query": other})
            await socket.send(id="3", type="subscribe", payload={"query": "{ server { time } }"})
            seen = [(await socket.receive())["id"] for _ in range(3 if other == METRICS else 2)]
            assert seen.count("3") == 2
            await write(database, set_role, "default", ann.id, Role.VIEWER, utcnow())
            ended = await socket.receive()
            assert (ended["id"], ended["type"]) == ("1", "error")
            assert ended["payload"][0]["extensions"]["requires"] == "ANALYST"
            await socket.send(type="ping")
            assert (await socket.receive())["type"] == "pong", "the other subscription runs"
            async for some in stream.aiter_bytes():
                received += some
        assert received.count(b'"code":"FORBIDDEN"') == 1
        assert received.endswith(b"event: complete\ndata:\n\n")


def mutations(token: str, choose: random.Random) -> Callable[[], str]:
    """Return a source of tokens that differ from this one in a few places."""
    alphabet = "".join(map(chr, range(33, 127)))

    def one() -> str:
        characters = list(token)
        for _ in range(choose.randint(1, 3)):
            place = choose.randrange(len(characters))
            change = choose.choice(("replace", "insert", "delete"))
            if change == "replace":
                characters[place] = choose.choice(alphabet)
            elif change == "insert":
                characters.insert(place, choose.choice(alphabet))
            elif len(characters) > 1:
                del characters[place]
        return "".join(characters)

    return one


async def test_random_and_mutated_tokens_open_nothing(database: Database, database_url: str) -> None:
    choose = random.Random(20_261_201)
    ann = await new_user(database, "ann", Role.ADMIN)
    key, session = (await key_of(database, ann)).token, (await session_of(database, ann)).token
    foreign = AccessTokens(keys_of(new_secret())).sign(ann.id, "signin_x", utcnow())[0]
    sources: list[Callable[[], str]] = [
        mutations(key, choose),
        mutations(session, choose),
        lambda: new_token(Kind.API_KEY),
        lambda: new_token(Kind.REFRESH),
        lambda: foreign,
        lambda: "".join(chr(choose.randint(33, 126)) for _ in range(choose.randint(1, 300))),
    ]
    app = create_app(Settings(database_url=database_url, workers=0, secret=SECRET))
    statuses: Counter[tuple[str, int]] = Counter()
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:

            async def ask(token: str) -> int:
                headers = {"authorization": f"Bearer {token}"}
                return (await client.post("/graphql", json={"query": COUNT}, headers=headers)).status_code

            for number in range(10_000):
                token = sources[number % len(sources)]()
                if token not in (key, session):
                    statuses["wrong", await ask(token)] += 1
            assert await ask(key) == await ask(session) == 200
    assert set(statuses) == {("wrong", 401)}
    assert statuses.total() >= 9_900
