"""The client's connections: operations over HTTP, subscriptions over WebSocket, and attempts after a loss."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from functools import cache
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import msgspec
from gql import GraphQLRequest
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportError
from graphql import DocumentNode, parse

from assay_client._failures import Failures, Lost, unreachable
from assay_client._proxy import proxy_of
from assay_client._socket import Socket, heeding_cancellation

T = TypeVar("T")
log = logging.getLogger("assay_client")

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 4.0
CONNECT_SECONDS = 10.0


class Answer(NamedTuple):
    """A response's `data`, and whether the server may have executed an earlier attempt of the operation too."""

    data: dict[str, Any]
    repeated: bool


class Patience:
    """The time limit of attempts, and the pauses between them: exponential backoff with full jitter."""

    def __init__(self, url: str, seconds: float | None) -> None:
        self._url = url
        self._seconds = seconds
        self._since: float | None = None
        self._tries = 0

    def renew(self) -> None:
        """Reset time and backoff after a response of the server."""
        self._since, self._tries = None, 0

    async def pause(self, lost: Lost) -> None:
        """Wait before the next attempt. Raises ServerUnreachable after the time limit."""
        now = asyncio.get_running_loop().time()
        if self._since is None:
            self._since = now
            if self._seconds != 0:
                so_long = "" if self._seconds is None else f", for {self._seconds:g} seconds"
                log.warning("%s does not respond (%s): trying again%s.", self._url, lost, so_long)
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(self._tries, 10))
        pause = random.uniform(0, longest)  # noqa: S311
        if self._seconds is not None:
            left = self._since + self._seconds - now
            if left <= 0:
                raise unreachable(self._url, lost) from lost
            pause = min(pause, left)
        self._tries += 1
        await asyncio.sleep(pause)


class Transport:
    """The connections to one server. None is open before the first call or after `close`. Times are in seconds."""

    def __init__(
        self, url: str, headers: Mapping[str, str], *, timeout: float, retry_seconds: float | None, proxy: str | None
    ) -> None:
        self.url, self.base, self.socket_url = addresses(url)
        self.proxy = proxy_of(url, proxy)
        self.headers = {"User-Agent": f"assay-client/{version('assay-client')}", **headers}
        self.timeout = timeout
        self.retry_seconds = retry_seconds
        self._http = AIOHTTPTransport(
            self.url,
            headers=self.headers,
            json_serialize=lambda value: msgspec.json.encode(value).decode(),
            json_deserialize=msgspec.json.Decoder(dict[str, Any]).decode,
            client_session_args={"proxy": self.proxy},
        )
        self._failures = Failures(self.url, self.socket_url, timeout)
        self._closed = False

    async def close(self) -> None:
        """Close all connections. Running calls fail."""
        self._closed = True
        await self._http.close()

    async def execute(
        self, document: str, variables: Mapping[str, Any], *, safe: bool, more_seconds: float = 0
    ) -> Answer:
        """Run a query or mutation.

        `safe`: whether a second execution is harmless. An unsafe operation is resent only if the server can't have read
        the first attempt. `more_seconds`: time for the response in addition to `timeout`.
        """
        request = GraphQLRequest(parsed(document), variable_values=dict(variables))
        # Encoded here, because aiohttp sends a file object in pieces and JSON in one write.
        body = msgspec.json.encode(request.payload)
        how = {
            "json": None,
            "headers": {"Content-Type": "application/json"},
            "timeout": aiohttp.ClientTimeout(total=self.timeout + more_seconds, sock_connect=CONNECT_SECONDS),
        }

        async def attempt() -> dict[str, Any]:
            await self._open()
            try:
                result = await self._http.execute(request, extra_args={**how, "data": BytesIO(body)})
            except TransportError as error:
                self._failures.explain_http(error)
            return self._failures.checked(result.data, result.errors)

        return Answer(*await self._persist(attempt, safe=safe))

    async def subscribe(self, document: str, variables: Callable[[], Mapping[str, Any]]) -> AsyncGenerator[Any, None]:
        """Yield the `data` of each response, across connections, until the server completes the subscription.

        `variables` is called at each new connection.
        """
        patience = Patience(self.url, self.retry_seconds)
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                async with aclosing(self._subscribe_once(document, variables())) as answers:
                    async for data in answers:
                        patience.renew()
                        yield data
                return
            except Lost as lost:
                if loop.time() - began > LONGEST_PAUSE_SECONDS + CONNECT_SECONDS:
                    patience.renew()  # the connection lasted, without a message
                await patience.pause(lost)

    async def download(self, path: str, parameters: list[tuple[str, str]], target: Path) -> None:
        """Save the response of a server's path. After an error there is no file."""
        part = target.with_name(f"{target.name}.part")
        seconds = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=self.timeout)

        async def attempt() -> None:
            session = await self._open()
            try:
                async with session.get(f"{self.base}{path}", params=parameters, timeout=seconds) as response:
                    if response.status != 200:
                        self._failures.explain_refusal(response.status, await response.read())
                    with await asyncio.to_thread(part.open, "wb") as file:
                        async for chunk in response.content.iter_chunked(1 << 20):
                            await asyncio.to_thread(file.write, chunk)
            except (aiohttp.ClientError, TimeoutError) as error:
                self._failures.explain_cause(error)

        try:
            await self._persist(attempt, safe=True)
            await asyncio.to_thread(part.replace, target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    async def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise RuntimeError("The client is closed.")
        if self._http.session is None:
            await self._http.connect()
        assert self._http.session is not None
        return self._http.session

    async def _persist(self, attempt: Callable[[], Awaitable[T]], *, safe: bool) -> tuple[T, bool]:
        """Return the first result, and whether the server may have executed an earlier, lost attempt too."""
        patience = Patience(self.url, self.retry_seconds)
        sent = False
        while True:
            try:
                return await attempt(), sent
            except Lost as lost:
                sent = sent or lost.sent
                if lost.sent and not safe:
                    raise unreachable(self.url, lost) from lost
                await patience.pause(lost)

    async def _subscribe_once(self, document: str, variables: Mapping[str, Any]) -> AsyncGenerator[Any, None]:
        if self._closed:
            raise RuntimeError("The client is closed.")
        socket = Socket(self.socket_url, self.headers, connect_seconds=CONNECT_SECONDS, proxy=self.proxy)
        try:
            with heeding_cancellation():
                await socket.connect()
            request = GraphQLRequest(parsed(document), variable_values=dict(variables))
            # Not `async for`: an exception of the subscriber must not be handled as one of the connection.
            answers = socket.subscribe(request)
            try:
                while True:
                    with heeding_cancellation():
                        result = await anext(answers)
                    socket.room.release()
                    yield self._failures.checked(result.data, result.errors)
            except StopAsyncIteration:
                return
            finally:
                with heeding_cancellation(), suppress(TransportError):  # the server is gone
                    await answers.aclose()
        except (TransportError, TimeoutError) as error:
            self._failures.explain_socket(error)
        finally:
            with heeding_cancellation():
                await socket.close()


def addresses(url: str) -> tuple[str, str, str]:
    """Return a server's GraphQL URL for HTTP, the base URL of its other paths, and its GraphQL URL for WebSocket.

    Raises ValueError if `url` is not an http or https URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is not a server's address: the form is http://HOST:PORT or https://HOST:PORT.")
    path = parts.path.rstrip("/")
    base = path.removesuffix("/graphql")
    path = path or "/graphql"
    whole = parts._replace(path=path, fragment="")
    scheme = {"http": "ws", "https": "wss"}[parts.scheme]
    return (
        urlunsplit(whole),
        urlunsplit(parts._replace(path=base, query="", fragment="")),
        urlunsplit(whole._replace(scheme=scheme)),
    )


@cache
def parsed(document: str) -> DocumentNode:
    """Parse a document once."""
    return parse(document)
