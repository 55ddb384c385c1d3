"""Sign-in by plain HTTP, and the download of the audit log, over a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import HTTPConnection

from resolvers import audit
from resolvers.context import Context, Services
from store import tables
from store.access.workspaces import create_workspace
from store.sql.clock import utcnow
from store.sql.viewer import ANONYMOUS, Role
from tests.api.accounts import PASSWORD, Accounts
from tests.resolvers.conftest import services
from tests.support import free_port, until
from web.audit import audit_routes
from web.auth import PLAIN_COOKIE, auth_routes
from web.callers import CallerRefused, refusal

__all__ = ["services"]

CREDENTIALS = {"username": "ada", "password": PASSWORD}
PREFLIGHT = {"graphql-require-preflight": "1"}


@pytest.fixture
async def accounts(services: Services) -> AsyncIterator[Accounts]:
    one = Accounts(services)
    await one.user("ada", Role.ADMIN)
    yield one
    one.passwords.close()


@pytest.fixture
async def client(accounts: Accounts) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the routes, which a server in this process serves."""

    async def context(connection: HTTPConnection) -> Context:
        credential = connection.headers.get("authorization", "").removeprefix("Bearer ")
        viewer = await accounts.viewer(credential) if credential else ANONYMOUS
        return Context(accounts.services, viewer, "request-2")

    routes = [*auth_routes(accounts.sign_in), *audit_routes(context)]
    app = Starlette(routes=routes, exception_handlers={CallerRefused: refusal})
    async for client in _served(app):
        yield client


async def _served(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started, what="the server to start")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=300) as client:
        yield client
    server.should_exit = True
    await running


def own(client: httpx.AsyncClient) -> dict[str, str]:
    """The headers of a page of the server."""
    return {"origin": str(client.base_url).rstrip("/"), **PREFLIGHT}


async def test_a_program_signs_in_refreshes_and_signs_out(client: httpx.AsyncClient, accounts: Accounts) -> None:
    response = await client.post("/auth/token", json=CREDENTIALS, headers={"user-agent": "program"})
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert "set-cookie" not in response.headers
    body = response.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (await accounts.viewer(body["access_token"])).name == "ada"
    form = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    second = (await client.post("/auth/token", data=form)).json()
    third = (await client.post("/auth/refresh", json={"refresh_token": second["refresh_token"]})).json()
    assert len({each["refresh_token"] for each in (body, second, third)}) == 3
    last = {"refresh_token": third["refresh_token"]}
    assert (await client.post("/auth/sign-out", json=last)).json() == {"signed_out": 1}
    response = await client.post("/auth/refresh", json=last)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")
    async with accounts.database.read() as connection:
        entry = (await connection.execute(select(tables.audit).order_by(tables.audit.c.number))).first()
    assert entry is not None
    assert (entry.action, entry.address, entry.user_agent) == ("user.signed_in", "127.0.0.1", "program")


@pytest.mark.parametrize(
    ("sent", "status", "error"),
    [
        ({"json": {"username": "ada", "password": "wrong"}}, 400, "invalid_grant"),
        ({"json": {"username": "nobody", "password": "wrong"}}, 400, "invalid_grant"),
        ({"json": {"username": "ada"}}, 400, "invalid_request"),
        ({"json": {"username": 1, "password": []}}, 400, "invalid_request"),
        ({"json": {**CREDENTIALS, "cookie": 1}}, 400, "invalid_request"),
        ({"json": {**CREDENTIALS, "cookie": True}}, 403, "invalid_request"),
        ({"json": []}, 400, "invalid_request"),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, "invalid_request"),
        ({"content": b"[" * 100_000, "headers": {"content-type": "application/json"}}, 400, "invalid_request"),
        ({"content": b"x"}, 415, "invalid_request"),
        ({"data": {"grant_type": "password", **CREDENTIALS}}, 400, "unsupported_grant_type"),
        ({"data": {"grant_type": "x"}}, 400, "unsupported_grant_type"),
        ({"data": CREDENTIALS}, 400, "invalid_request"),
        ({"data": {"grant_type": "refresh_token"}}, 400, "invalid_request"),
        ({"data": {"grant_type": "refresh_token", "refresh_token": "x"}}, 400, "invalid_grant"),
        ({"data": {"grant_type": ["refresh_token", "refresh_token"]}}, 400, "invalid_request"),
        ({"data": {f"field{number}": "" for number in range(30)}}, 400, "invalid_request"),
    ],
)
async def test_a_wrong_request_gets_an_error_of_oauth(
    client: httpx.AsyncClient, sent: dict[str, Any], status: int, error: str
) -> None:
    response = await client.post("/auth/token", **sent)
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert set(response.json()) == {"error", "error_description"}
    assert "set-cookie" not in response.headers


async def test_too_many_failures_name_the_time_to_wait(client: httpx.AsyncClient) -> None:
    for _ in range(5):
        await client.post("/auth/token", json={**CREDENTIALS, "password": "wrong"})
    response = await client.post("/auth/token", json=CREDENTIALS)
    assert (response.status_code, response.json()["error"]) == (429, "temporarily_unavailable")
    assert 1 <= int(response.headers["retry-after"]) <= 60


async def test_a_page_of_the_server_keeps_the_refresh_token_in_a_cookie(client: httpx.AsyncClient) -> None:
    response = await client.post("/auth/token", json={**CREDENTIALS, "cookie": True}, headers=own(client))
    assert set(response.json()) == {"access_token", "token_type", "expires_in"}
    name, _, value = response.headers["set-cookie"].partition("=")
    assert name == PLAIN_COOKIE
    attributes = {each.strip().lower() for each in value.split(";")[1:]}
    assert {"httponly", "samesite=strict"} <= attributes
    assert not any(each.startswith("path") for each in attributes)  # that of `/auth`, also below a path
    assert "secure" not in attributes
    first = client.cookies[PLAIN_COOKIE]
    for headers in (PREFLIGHT, {"origin": own(client)["origin"]}, {**PREFLIGHT, "origin": "https://evil.example"}):
        assert (await client.post("/auth/refresh", json={}, headers=headers)).status_code == 403
        assert (await client.post("/auth/sign-out", json={}, headers=headers)).status_code == 403
    assert (await client.post("/auth/refresh", data={}, headers=own(client))).status_code == 415
    response = await client.post("/auth/refresh", json={}, headers=own(client))
    assert "refresh_token" not in response.json()
    assert client.cookies[PLAIN_COOKIE] != first
    response = await client.post("/auth/sign-out", json={}, headers=own(client))
    assert response.json() == {"signed_out": 1}
    assert PLAIN_COOKIE not in client.cookies
    assert (await client.post("/auth/refresh", json={}, headers=own(client))).json()["error"] == "invalid_request"


async def test_over_https_the_cookie_is_secure(accounts: Accounts) -> None:
    transport = httpx.ASGITransport(Starlette(routes=auth_routes(accounts.sign_in)))
    async with httpx.AsyncClient(transport=transport, base_url="https://assay.example") as client:
        response = await client.post("/auth/token", json={**CREDENTIALS, "cookie": True}, headers=own(client))
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Secure-assay_refresh=assayr_")
    assert "; Secure" in cookie


async def test_an_open_server_refuses_sign_in() -> None:
    async for client in _served(Starlette(routes=auth_routes(None))):
        response = await client.post("/auth/token", json=CREDENTIALS)
        assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


async def test_the_audit_log_is_downloaded(
    client: httpx.AsyncClient, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "SLICE", 2)
    async with accounts.database.write() as connection:
        other = await create_workspace(connection, "other", "Other", utcnow())
    await accounts.user("eve", Role.ADMIN, other.key)
    await accounts.user("bob", Role.ANALYST)
    await accounts.user("root", is_administrator=True)
    tokens = {name: await accounts.token(name) for name in ("ada", "eve", "bob", "root")}

    async def lines(name: str, query: str = "") -> list[dict[str, Any]]:
        response = await client.get(f"/audit.jsonl{query}", headers={"authorization": f"Bearer {tokens[name]}"})
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/x-ndjson; charset=utf-8"
        return [json.loads(line) for line in response.text.splitlines()]

    (eves,) = await lines("eve")
    assert (eves["action"], eves["workspaceId"], eves["actorName"]) == ("audit.exported", other.id, "eve")
    assert [each["actorName"] for each in await lines("ada")] == ["ada"]
    every = await lines("root")
    assert [each["action"] for each in every] == ["user.signed_in"] * 4 + ["audit.exported"] * 3
    later = await lines("root", f"?after={every[3]['id']}")
    assert [each["id"] for each in later[:3]] == [each["id"] for each in every[4:]]
    refusals = [
        await client.get(f"/audit.jsonl?after={id_}", headers={"authorization": f"Bearer {tokens['ada']}"})
        for id_ in (eves["id"], "audit_01jd0000000000000000000000")
    ]
    assert {(each.status_code, each.text) for each in refusals} == {(400, refusals[0].text)}
    bob = await client.get("/audit.jsonl", headers={"authorization": f"Bearer {tokens['bob']}"})
    assert (bob.status_code, bob.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")
    nobody = await client.get("/audit.jsonl")
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")
    wrong = await client.get("/audit.jsonl?after=%00", headers={"authorization": f"Bearer {tokens['ada']}"})
    assert wrong.status_code == 400
    assert [each["action"] for each in await accounts.log()].count("audit.exported") == 4
