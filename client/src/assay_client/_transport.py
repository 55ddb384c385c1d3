"""The way to the server and back: operations over HTTP, subscriptions over WebSocket, and what to do when it is away.

Every failure is one of two kinds. A loss, after which it is worth coming back (the server is away, stops, or closes a
socket with 1001, 1006, 1012, 1013 and the like), is met by trying again, at intervals that grow and are random, until
`retry_seconds` have passed. Anything else is raised at once.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from functools import cache
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import msgspec
from gql import GraphQLRequest
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import (
    TransportConnectionFailed,
    TransportError,
    TransportProtocolError,
    TransportQueryError,
    TransportServerError,
)
from gql.transport.websockets import WebsocketsTransport
from graphql import DocumentNode, ExecutionResult, parse
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus

from assay_client.errors import (
    AssayError,
    HistoryGone,
    NotAllowed,
    NotFound,
    OperationFailed,
    ServerUnreachable,
    UnexpectedAnswer,
)

T = TypeVar("T")
log = logging.getLogger("assay_client")

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 4.0
CONNECT_SECONDS = 10.0
# By the pings of WebSocket itself. (gql's `keep_alive_timeout` can hang on closing, where a wait that is cancelled just
# as it ends forgets that it was: Python 3.11's asyncio.wait_for.)
PING_SECONDS = 15.0
CLOSE_SECONDS = 2.0
# Answers of a subscription that wait for whoever reads it. With so many the socket is not read any more; should the
# server tire of that, the subscription goes on behind its cursor.
MOST_UNREAD = 256
LARGEST_MESSAGE_BYTES = 1 << 26

# After these a client that comes back would be sent away again (those of graphql-transport-ws, and of RFC 6455).
FINAL_CLOSE_CODES = {1002, 1003, 1007, 1008, 1009, 1010, 4004, 4005, 4400, 4401, 4403, 4406, 4409, 4429, 4500}
AWAY_STATUSES = {429, 502, 503, 504}
AWAY_CODES = {"SERVICE_UNAVAILABLE", "RATE_LIMITED", "REQUEST_TIMEOUT"}


class Lost(Exception):
    """The server did not answer. `sent`: whether it may have read the request."""

    def __init__(self, reason: str, *, sent: bool = True) -> None:
        super().__init__(reason.rstrip("."))
        self.sent = sent


class Answer(NamedTuple):
    """`data`, and whether an earlier try of the same operation may have been carried out too."""

    data: dict[str, Any]
    repeated: bool


class Patience:
    """How long to go on trying, and how long to pause before the next try: exponential backoff with full jitter."""

    def __init__(self, url: str, seconds: float | None) -> None:
        self._url = url
        self._seconds = seconds
        self._since: float | None = None
        self._tries = 0

    def renew(self) -> None:
        """The server is there: the next loss is the first again."""
        self._since, self._tries = None, 0

    async def pause(self, lost: Lost) -> None:
        """Wait before the next try. Raises ServerUnreachable when there is to be none."""
        now = asyncio.get_running_loop().time()
        if self._since is None:
            self._since = now
            if self._seconds != 0:
                so_long = "" if self._seconds is None else f", for {self._seconds:g} seconds"
                log.warning("%s does not answer (%s): trying again%s.", self._url, lost, so_long)
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
    """One server. Nothing is open before the first call, nor after `close`. Times are in seconds."""

    def __init__(self, url: str, headers: Mapping[str, str], *, timeout: float, retry_seconds: float | None) -> None:
        self.url, self.base, self.socket_url = addresses(url)
        self.headers = {"User-Agent": f"assay-client/{version('assay-client')}", **headers}
        self.timeout = timeout
        self.retry_seconds = retry_seconds
        self._http = AIOHTTPTransport(
            self.url,
            headers=self.headers,
            json_serialize=lambda value: msgspec.json.encode(value).decode(),
            json_deserialize=_read_object,
        )
        self._closed = False

    async def close(self) -> None:
        """Close what is open. Whatever still runs fails."""
        self._closed = True
        await self._http.close()

    async def execute(
        self, document: str, variables: Mapping[str, Any], *, safe: bool, more_seconds: float = 0
    ) -> Answer:
        """Run a query or mutation.

        `safe`: whether it does no harm to send it twice. What is not safe is sent again only where it can't have been
        read. `more_seconds`: how much longer than `timeout` the answer may take.
        """
        request = GraphQLRequest(parsed(document), variable_values=dict(variables))
        # Encoded here, and sent in pieces: aiohttp would write all of it at once.
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
                self._explain_http(error)
            return self._data(result.data, result.errors)

        return Answer(*await self._persist(attempt, safe=safe))

    async def subscribe(self, document: str, variables: Callable[[], Mapping[str, Any]]) -> AsyncGenerator[Any, None]:
        """The `data` of each answer, over as many connections as it takes; ends when the server says so.

        `variables` is asked for them at each new connection.
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
                    patience.renew()  # it was there, and had nothing to tell
                await patience.pause(lost)

    async def download(self, path: str, parameters: list[tuple[str, str]], target: Path) -> None:
        """Save what a path of the server's gives, all of it or nothing."""
        part = target.with_name(f"{target.name}.part")
        seconds = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=self.timeout)

        async def attempt() -> None:
            session = await self._open()
            try:
                async with session.get(f"{self.base}{path}", params=parameters, timeout=seconds) as response:
                    if response.status != 200:
                        self._refused(response.status, await response.read())
                    with await asyncio.to_thread(part.open, "wb") as file:
                        async for chunk in response.content.iter_chunked(1 << 20):
                            await asyncio.to_thread(file.write, chunk)
            except (aiohttp.ClientError, TimeoutError) as error:
                self._explain_cause(error)

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
        """What comes of the first attempt that is not lost, and whether one before it may have been carried out."""
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
        socket = Socket(self.socket_url, self.headers)
        try:
            with heeding_cancellation():
                await socket.connect()
            request = GraphQLRequest(parsed(document), variable_values=dict(variables))
            # Taken one by one, so that what whoever reads raises is not taken for the connection's.
            answers = socket.subscribe(request)
            try:
                while True:
                    with heeding_cancellation():
                        result = await anext(answers)
                    socket.room.release()
                    yield self._data(result.data, result.errors)
            except StopAsyncIteration:
                return
            finally:
                with heeding_cancellation(), suppress(TransportError):  # a farewell to nobody
                    await answers.aclose()
        except (TransportError, TimeoutError) as error:
            self._explain_socket(error)
        finally:
            with heeding_cancellation():
                await socket.close()

    def _data(self, data: Any, errors: Any) -> dict[str, Any]:
        """The data of an answer. Raises where there are errors."""
        if errors:
            self._raise_errors(errors)
        if not isinstance(data, dict):
            raise UnexpectedAnswer(f"{self.url} answered with neither data nor errors.")
        return data

    def _raise_errors(self, errors: Any) -> NoReturn:
        if not (isinstance(errors, list) and all(isinstance(error, dict) for error in errors)):
            raise UnexpectedAnswer(f"{self.url} answered with errors that are none of GraphQL's.")
        failed = OperationFailed(errors)
        if failed.code in AWAY_CODES:
            raise Lost(failed.message, sent=failed.code != "RATE_LIMITED")
        if failed.code in ("UNAUTHENTICATED", "FORBIDDEN"):
            raise NotAllowed(errors)
        if failed.code == "HISTORY_GONE":
            raise HistoryGone(errors)
        if failed.code == "NOT_FOUND" and "argument" in failed.extensions:
            raise NotFound(failed.message)
        if failed.code == "NOT_FOUND" and "path" not in errors[0]:
            raise UnexpectedAnswer(f"There is nothing at {self.url}: is the URL right?")
        raise failed

    def _refused(self, status: int, body: bytes) -> NoReturn:
        """Raise what an HTTP status other than 200 means."""
        try:
            errors = _read_object(body).get("errors")
        except ValueError:
            errors = None
        if isinstance(errors, list) and errors:
            if status == 404:
                raise NotFound(str(errors[0].get("message")))
            self._raise_errors(errors)
        self._explain_status(status)

    def _explain_status(self, status: int | None) -> NoReturn:
        reason = f"it answered with HTTP status {status}"
        if status in AWAY_STATUSES:
            raise Lost(reason, sent=status != 429)
        if status in (401, 403):
            code = "UNAUTHENTICATED" if status == 401 else "FORBIDDEN"
            raise NotAllowed([{"message": f"{self.url}: {reason}.", "extensions": {"code": code}}])
        raise UnexpectedAnswer(f"{self.url} does not speak GraphQL: {reason}. Is the URL right?")

    def _explain_http(self, error: TransportError) -> NoReturn:
        """Raise what a failure of gql's means."""
        if isinstance(error, TransportServerError):
            self._explain_status(error.code)
        if isinstance(error, TransportConnectionFailed) and error.__cause__ is not None:
            self._explain_cause(error.__cause__)
        raise UnexpectedAnswer(f"{self.url} does not speak GraphQL. Is the URL right? {str(error)[:200]}") from error

    def _explain_cause(self, cause: BaseException) -> NoReturn:
        """Raise what a failure below GraphQL means."""
        reason = str(cause) or type(cause).__name__
        if isinstance(cause, aiohttp.ClientSSLError | ssl.SSLCertVerificationError):
            raise ServerUnreachable(f"{self.url}: {reason}") from cause
        if isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            raise Lost(reason, sent=False) from cause
        if isinstance(cause, TimeoutError):
            raise Lost(f"no answer within {self.timeout:g} seconds") from cause
        if isinstance(cause, aiohttp.ClientResponseError):
            raise UnexpectedAnswer(f"{self.url} does not speak HTTP. Is the URL right? {reason[:200]}") from cause
        if isinstance(cause, aiohttp.ClientError | OSError):
            raise Lost(reason) from cause
        raise cause

    def _explain_socket(self, error: BaseException) -> NoReturn:
        """Raise what a failure of a socket means."""
        if isinstance(error, TransportQueryError):
            self._raise_errors(error.errors)
        if isinstance(error, TransportProtocolError):
            raise UnexpectedAnswer(f"{self.socket_url} does not speak graphql-transport-ws.") from error
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ConnectionClosed):
                self._explain_close(cause)
            if isinstance(cause, InvalidStatus):
                self._refused(cause.response.status_code, bytes(cause.response.body or b""))
            if isinstance(cause, InvalidHandshake) and not _broke_off(cause):
                raise UnexpectedAnswer(f"{self.socket_url} does not speak WebSocket. Is the URL right?") from error
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise ServerUnreachable(f"{self.socket_url}: {cause}") from error
            last, cause = cause, cause.__cause__
        raise Lost(str(last) or type(last).__name__) from error

    def _explain_close(self, closed: ConnectionClosed) -> NoReturn:
        code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
        said = f"the socket was closed with {code}{f' ({reason})' if reason else ''}"
        if code in (4401, 4403):
            kind = "UNAUTHENTICATED" if code == 4401 else "FORBIDDEN"
            raise NotAllowed([{"message": f"{self.url}: {said}.", "extensions": {"code": kind}}])
        if code in FINAL_CLOSE_CODES:
            raise UnexpectedAnswer(f"{self.url}: {said}.") from closed
        raise Lost(said) from closed


class Socket(WebsocketsTransport):
    """One connection for one subscription, which is not read further ahead than `MOST_UNREAD` answers."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        super().__init__(
            url,
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
            headers=dict(headers),
            connect_timeout=CONNECT_SECONDS,
            ack_timeout=CONNECT_SECONDS,
            close_timeout=2 * CLOSE_SECONDS,
            connect_args={
                "max_size": LARGEST_MESSAGE_BYTES,
                "ping_interval": PING_SECONDS,
                "ping_timeout": PING_SECONDS,
                "close_timeout": CLOSE_SECONDS,
                "proxy": None,
            },
        )
        self.room = asyncio.Semaphore(MOST_UNREAD)
        self._closing = False

    async def _handle_answer(
        self, answer_type: str, answer_id: int | None, execution_result: ExecutionResult | None
    ) -> None:
        if execution_result is not None and not self._closing:
            await self.room.acquire()
        await super()._handle_answer(answer_type, answer_id, execution_result)

    async def close(self) -> None:
        """Close the connection; nothing of it is left."""
        self._closing = True
        self.room.release()
        await super().close()
        if self.receive_data_task is not None:
            await asyncio.wait([self.receive_data_task])


@contextmanager
def heeding_cancellation() -> Iterator[None]:
    """Says that this task was cancelled where gql forgets it, so that no time limit is lost.

    Cancelled, gql bids the server farewell, and where that fails raises that failure instead; on closing it waits by
    `asyncio.wait_for`, which in Python 3.11 passes over a cancellation that comes just as it ends.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0

    def heed() -> None:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError

    try:
        yield
    except (TransportError, TimeoutError):
        heed()
        raise
    heed()


def addresses(url: str) -> tuple[str, str, str]:
    """Of a server: where GraphQL is over HTTP, what its other paths stand below, and where GraphQL is over WebSocket.

    Raises ValueError where it is none of http or https.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no address of a server: it is written http://HOST:PORT, or https://…")
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
    """A document, parsed once."""
    return parse(document)


def unreachable(url: str, lost: Lost) -> AssayError:
    """What is raised in the end."""
    return ServerUnreachable(f"{url} does not answer: {lost}.")


def _read_object(text: str | bytes) -> dict[str, Any]:
    return msgspec.json.decode(text, type=dict[str, Any])


def _broke_off(error: InvalidHandshake) -> bool:
    """Whether the connection ended in the middle of its handshake, as when the server is killed."""
    return isinstance(error, InvalidMessage) and isinstance(error.__cause__, EOFError | OSError)
