"""Proxies of the client, for HTTP and WebSocket: given, from the environment, refusing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from assay_client import AsyncClient, Client, ServerUnreachable

from tests.api.calls import ApiServer
from tests.client.conftest import Connect
from tests.client.proxy import Proxy, proxying
from tests.support import free_port

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "REQUEST_METHOD")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the proxies of the machine."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def use(client: AsyncClient, server: ApiServer, folder: Path) -> None:
    """Run a submission, a subscription and a download."""
    batch = await client.wait(await client.submit_batch(["One.", "Two."]))
    assert batch.processed == 2
    await client.download(batch, folder / "lines.jsonl")
    assert len((folder / "lines.jsonl").read_text().splitlines()) == 2


def targets(proxy: Proxy) -> set[str]:
    """Return the seen requests, with a star for the batch's id."""
    return {"GET *" if line.startswith("GET ") else line for line in proxy.seen}


def expected(server: ApiServer) -> set[str]:
    host = server.address.removeprefix("http://")
    return {f"POST {server.address}/graphql", "GET *", f"CONNECT {host}"}


@pytest.mark.parametrize("form", ["http://{}", "http://name:a%20word@{}", "http://name@{}", "{}"])
async def test_a_given_proxy_is_used_for_all_connections(
    assay: ApiServer, connect: Connect, tmp_path: Path, form: str
) -> None:
    user = {"http://name:a%20word@{}": "name:a word", "http://name@{}": "name:"}.get(form, "")
    async with proxying(user=user) as proxy:
        async with connect(assay.address, proxy=form.format(proxy.address)) as client:
            await use(client, assay, tmp_path)
        assert targets(proxy) == expected(assay)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy"])
async def test_the_environment_names_a_proxy(
    assay: ApiServer, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async with proxying() as proxy, proxying() as other:
        monkeypatch.setenv(name, f"http://{proxy.address}")
        monkeypatch.setenv("HTTPS_PROXY", f"http://{other.address}")
        async with connect(assay.address) as client:
            await use(client, assay, tmp_path)
        assert targets(proxy) == expected(assay)
        assert other.seen == []
        # A given proxy wins, and an empty one means none.
        async with connect(assay.address, proxy=f"http://{other.address}") as client:
            await client.events_end()
        async with connect(assay.address, proxy="") as client:
            await use(client, assay, tmp_path)
        assert targets(proxy) == expected(assay)
        assert other.seen == [f"POST {assay.address}/graphql"]


@pytest.mark.parametrize("exception", ["127.0.0.1", "example.org,127.0.0.1", "*", "127.0.0.1:{port}"])
async def test_no_proxy_names_exceptions(
    assay: ApiServer, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exception: str
) -> None:
    async with proxying() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        monkeypatch.setenv("NO_PROXY", exception.format(port=assay.port))
        async with connect(assay.address) as client:
            await use(client, assay, tmp_path)
        assert proxy.seen == []
        monkeypatch.setenv("NO_PROXY", "example.org")
        async with connect(assay.address) as client:
            await client.events_end()
        assert proxy.seen == [f"POST {assay.address}/graphql"]


async def test_the_plain_client_uses_the_proxy(assay: ApiServer) -> None:
    async with proxying() as proxy:

        def call() -> str:
            with Client(assay.address, proxy=f"http://{proxy.address}") as client:
                return client.analyze("By way of a proxy.").status

        assert await asyncio.to_thread(call) == "COMPLETED"
        assert targets(proxy) == expected(assay) - {"GET *"}


@pytest.mark.parametrize("status", [403, 407])
async def test_a_refusal_of_the_proxy_is_final(connect: Connect, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    async with proxying(refusal=status) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://name:secret@{proxy.address}")
        client = connect("https://assay.example")
        calls = (client.events_end(), anext(client.events(after="z")))
        for call in calls:
            with pytest.raises(
                ServerUnreachable, match=f"the proxy refused the connection with HTTP status {status}"
            ) as it:
                await call
            assert "secret" not in str(it.value)
        assert proxy.seen == ["CONNECT assay.example:443"] * 2


async def test_a_proxy_asks_for_a_password_before_a_forwarded_request(assay: ApiServer, connect: Connect) -> None:
    async with proxying(user="name:word") as proxy:
        client = connect(assay.address, proxy=f"http://name:wrong@{proxy.address}")
        with pytest.raises(ServerUnreachable, match="HTTP status 407"):
            await client.events_end()
        assert len(proxy.seen) == 1


@pytest.mark.parametrize("refusal", [502, 503, 0])
async def test_an_unreachable_server_or_proxy_is_tried_again(connect: Connect, refusal: int) -> None:
    async with proxying(refusal=refusal) as proxy:
        address = proxy.address if refusal else f"127.0.0.1:{free_port()}"
        client = connect("https://assay.example", proxy=f"http://{address}", retry_seconds=0.2)
        for call in (client.events_end(), anext(client.events(after="z"))):
            with pytest.raises(ServerUnreachable, match="does not respond"):
                await call
        assert len(proxy.seen) > 2 if refusal else proxy.seen == []


@pytest.mark.parametrize(
    "proxy", ["socks5://127.0.0.1:1", "http://", "http://name:secret@:80", "http://host:secret", "http://host/secret"]
)
@pytest.mark.parametrize("source", ["proxy", "environment"])
def test_an_invalid_proxy_is_refused_at_once(monkeypatch: pytest.MonkeyPatch, proxy: str, source: str) -> None:
    if source == "environment":
        monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(ValueError, match="is not a proxy's address: the form is http://HOST:PORT or") as refusal:
        AsyncClient("http://assay.example", proxy=proxy if source == "proxy" else None)
    assert str(refusal.value).startswith("`proxy`" if source == "proxy" else "HTTP_PROXY")
    assert "secret" not in str(refusal.value)
