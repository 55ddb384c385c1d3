"""Pages of a stream's answers for a response over HTTP, which takes them one after the other and waits in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from events.hub import Hub, Page, Subscriber
from execution.answers import StreamAnswer
from execution.subscriptions import SharedStream, Stream

UNSENT_BYTES = 65_536
"""Answers held until the response takes them. Beyond that the subscriber falls behind its group in the hub."""


async def pages_of(hub: Hub[StreamAnswer], stream: Stream) -> AsyncGenerator[Sequence[StreamAnswer], None]:
    """Yield pages of answers until the stream ends, or its last answer has failed.

    Answers of a stream that can't be shared are made one by one, each after the one before was taken. Closing the
    generator closes the source stream, or leaves the hub.
    """
    failed = False
    try:
        async with aclosing(_shared(hub, stream) if isinstance(stream, SharedStream) else _alone(stream)) as pages:
            async for page in pages:
                failed = failed or any(answer.has_errors for answer in page)
                yield page
                if page[-1].failed:
                    return
    finally:
        stream.record(failed)


async def _alone(stream: Stream) -> AsyncGenerator[Sequence[StreamAnswer], None]:
    async with aclosing(stream.follow(None)) as pages:
        async for page in pages:
            yield [answer for _, answer in page]


async def _shared(hub: Hub[StreamAnswer], stream: SharedStream) -> AsyncGenerator[Sequence[StreamAnswer], None]:
    taker = _Taker()
    try:
        try:
            await hub.join(taker, stream)
        except Exception as error:
            yield (stream.failure(error),)
            return
        while page := await taker.taken():
            yield page
    finally:
        taker.leave()


class _Taker(Subscriber[StreamAnswer]):
    """A subscriber that holds its answers until the response takes them."""

    __slots__ = ("_answers", "_bytes", "_news", "_over", "_room")

    def __init__(self) -> None:
        super().__init__()
        self._answers: list[StreamAnswer] = []
        self._bytes = 0
        self._over = False
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def take(self, page: Page[StreamAnswer]) -> int:
        taken = 0
        for _, answer in page:
            if self._bytes >= UNSENT_BYTES:
                self._room.clear()
                break
            self._answers.append(answer)
            self._bytes += len(answer.json)
            taken += 1
        self._news.set()
        return taken

    async def room(self) -> bool:
        await self._room.wait()  # without a limit here: the response has one for a client that does not read
        return True

    def end(self) -> None:
        self._over = True
        self._news.set()

    async def taken(self) -> Sequence[StreamAnswer]:
        """Wait for answers and return all of them; nothing after the end."""
        while not self._answers and not self._over:
            self._news.clear()
            await self._news.wait()
        answers, self._answers, self._bytes = self._answers, [], 0
        self._room.set()
        return answers
