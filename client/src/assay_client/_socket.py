"""gql's WebSocket transport with three changes: a bound of unread messages, a complete close, reliable cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from gql.transport.exceptions import TransportError
from gql.transport.websockets import WebsocketsTransport
from graphql import ExecutionResult

# Seconds between WebSocket pings, and the longest wait for a pong. gql's `keep_alive_timeout` is not used: it can hang
# on close, because Python 3.11's asyncio.wait_for loses a cancellation that arrives as the wait ends.
PING_SECONDS = 15.0
# The longest wait for the server's close frame.
CLOSE_SECONDS = 2.0
# Maximum unread messages of a subscription. At this number the client stops reading the socket. If the server then
# disconnects the client, the subscription resumes after its cursor.
MOST_UNREAD = 256
# Maximum bytes of a message, 64 MiB: a message can hold an analysis with its whole result.
LARGEST_MESSAGE_BYTES = 1 << 26


class Socket(WebsocketsTransport):
    """A connection for one subscription that holds at most `MOST_UNREAD` unread messages."""

    def __init__(self, url: str, headers: Mapping[str, str], *, connect_seconds: float, proxy: str | None) -> None:
        super().__init__(
            url,
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
            headers=dict(headers),
            connect_timeout=connect_seconds,
            ack_timeout=connect_seconds,
            close_timeout=2 * CLOSE_SECONDS,
            connect_args={
                "max_size": LARGEST_MESSAGE_BYTES,
                "ping_interval": PING_SECONDS,
                "ping_timeout": PING_SECONDS,
                "close_timeout": CLOSE_SECONDS,
                "proxy": proxy,
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
        """Close the connection, and wait until its reading task has ended."""
        self._closing = True
        self.room.release()
        await super().close()
        if self.receive_data_task is not None:
            await asyncio.wait([self.receive_data_task])


@contextmanager
def heeding_cancellation() -> Iterator[None]:
    """Raise CancelledError if this task was cancelled and gql lost the cancellation. Time limits depend on it.

    gql loses cancellations in two places. A cancelled subscription sends `complete`, and if that fails, raises that
    failure instead. Its close waits in `asyncio.wait_for`, which in Python 3.11 ignores a cancellation that arrives as
    the wait ends.
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
