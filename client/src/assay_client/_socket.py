"""One WebSocket of gql's, made to read no further ahead than it is read, to close whole, and to heed cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from gql.transport.exceptions import TransportError
from gql.transport.websockets import WebsocketsTransport
from graphql import ExecutionResult

# By the pings of WebSocket itself. (gql's `keep_alive_timeout` can hang on closing, where a wait that is cancelled just
# as it ends forgets that it was: Python 3.11's asyncio.wait_for.)
PING_SECONDS = 15.0
CLOSE_SECONDS = 2.0
# Answers of a subscription that wait for whoever reads it. With so many the socket is not read any more; should the
# server tire of that, the subscription goes on behind its cursor.
MOST_UNREAD = 256
LARGEST_MESSAGE_BYTES = 1 << 26


class Socket(WebsocketsTransport):
    """One connection for one subscription, which is not read further ahead than `MOST_UNREAD` answers."""

    def __init__(self, url: str, headers: Mapping[str, str], *, connect_seconds: float) -> None:
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
