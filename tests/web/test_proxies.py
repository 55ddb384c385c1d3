"""The address and the scheme of a client: of the connection, or those that a named proxy reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from settings import Settings
from tests.support import SECRET, Server, free_port, program, until

Start = Callable[..., Awaitable[Server]]
ONE_EACH = {"workers": 0, "max_sockets_per_address": 1, "secret": SECRET}


def opened(url: str, origin: str | None = None, **headers: str) -> connect:
    return connect(
        url,
        subprotocols=[Subprotocol("graphql-transport-ws")],
        origin=Origin(origin) if origin else None,
        additional_headers={name.replace("_", "-"): value for name, value in headers.items()},
        compression=None,
        proxy=None,
    )


async def status(connection: Any) -> int:
    """Return the status of a refused handshake, or 101."""
    try:
        async with connection:
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


async def test_nobody_is_believed_by_default(server: Start) -> None:
    one = await server(**ONE_EACH)
    async with opened(one.ws_url, x_forwarded_for="192.0.2.1"):
        for number in (2, 3):
            forged = f"192.0.2.{number}"
            assert await status(opened(one.ws_url, x_forwarded_for=forged, forwarded=f"for={forged}")) == 429
    # The page has another scheme than this server, whatever the client claims.
    secure = f"https://127.0.0.1:{one.port}"
    assert await status(opened(one.ws_url, secure, x_forwarded_proto="https")) == 403


async def test_a_named_proxy_is_believed(server: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.0.0.0/8, 127.0.0.1")
    one = await server(**ONE_EACH)
    async with AsyncExitStack() as stack:
        for number in (1, 2):
            await stack.enter_async_context(opened(one.ws_url, x_forwarded_for=f"192.0.2.{number}"))
        assert await status(opened(one.ws_url, x_forwarded_for="192.0.2.1")) == 429
        # The last address before the proxies counts: a client can only add addresses in front of it.
        assert await status(opened(one.ws_url, x_forwarded_for="192.0.2.9, 192.0.2.1, 10.1.2.3")) == 429
    origins = (f"https://127.0.0.1:{one.port}", f"http://127.0.0.1:{one.port}")

    async def statuses() -> list[int]:
        return [await status(opened(one.ws_url, origin, x_forwarded_proto="https")) for origin in origins]

    assert await statuses() == [101, 403]


@pytest.mark.parametrize("given", ["*", "proxy.example", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.1,*"])
def test_other_names_of_proxies_are_refused(given: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings.model_validate({"forwarded_allow_ips": given})
    (fault,) = refusal.value.errors()
    wrong = given.split(",")[-1]
    assert fault["msg"].startswith(f"Value error, {wrong!r} must be an address or a network, such as 10.0.0.1")


NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    map $http_upgrade $upgrade {{ default upgrade; '' close; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $upgrade;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto https;
        }}
    }}
}}
"""


@asynccontextmanager
async def nginx(folder: Path, upstream: int) -> AsyncIterator[int]:
    """Run nginx in front of a server, as a proxy that ends TLS reports itself. Yields its port."""
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(NGINX.format(folder=folder, port=port, upstream=upstream))
    path = program("nginx")
    assert path is not None
    arguments = ("-c", str(file), "-e", str(folder / "error.log"), "-p", str(folder))
    process = await asyncio.create_subprocess_exec(path, *arguments)

    async def listens() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await until(listens, what="nginx to listen")
        yield port
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.long
@pytest.mark.needs("nginx")
async def test_a_real_proxy_that_is_named(server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """nginx sets the header to the address of its client, so that a forged one never arrives."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "127.0.0.1")
    one = await server(**ONE_EACH)
    async with nginx(tmp_path, one.port) as port:
        url = f"ws://127.0.0.1:{port}/graphql"
        secure, plain = f"https://127.0.0.1:{port}", f"http://127.0.0.1:{port}"
        connection: ClientConnection
        async with opened(url, secure, x_forwarded_for="192.0.2.1") as connection:
            await connection.send('{"type":"connection_init"}')
            assert '"connection_ack"' in str(await connection.recv())
            assert await status(opened(url, secure, x_forwarded_for="192.0.2.2")) == 429
        assert await status(opened(url, plain)) == 403


@pytest.mark.long
@pytest.mark.needs("nginx")
async def test_a_real_proxy_that_is_not_named(server: Start, tmp_path: Path) -> None:
    one = await server(**ONE_EACH)
    async with nginx(tmp_path, one.port) as port:
        url = f"ws://127.0.0.1:{port}/graphql"
        with pytest.raises(InvalidStatus) as refusal:
            async with opened(url, f"https://127.0.0.1:{port}"):
                pass
        assert refusal.value.response.status_code == 403
        assert b"name the proxy in FORWARDED_ALLOW_IPS" in refusal.value.response.body
