"""A shared stream for who takes its answers one after the other, and waits in between: a response over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from events.hub import Hub, Page, Stream, Subscriber
from execution.answers import StreamAnswer
from execution.subscriptions import SharedStream

UNSENT_BYTES = 65_536
"""Answers that are held for one who has not yet asked for them. Beyond it the group in the hub goes on alone."""


async def shared_answers(hub: Hub[StreamAnswer], stream: SharedStream) -> AsyncGenerator[Sequence[StreamAnswer], None]:
    """The stream's answers, in pages of what there is, until it ends. To close this is to leave."""
    taker, failed = _Taker(), False
    try:
        try:
            await hub.join(taker, Stream(stream.key, stream.place, stream.end, stream.follow, stream.replay))
        except Exception as error:
            failed = True
            yield (stream.failure(error),)
            return
        while page := await taker.taken():
            failed = failed or any(answer.has_errors for answer in page)
            yield page
            if page[-1].failed:
                return
    finally:
        taker.leave()
        stream.record(failed)


class _Taker(Subscriber[StreamAnswer]):
    """Holds what it is handed until it is asked for."""

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
        await self._room.wait()  # for who does not read there is a limit where the answers are sent
        return True

    def end(self) -> None:
        self._over = True
        self._news.set()

    async def taken(self) -> Sequence[StreamAnswer]:
        """All that there is, as soon as there is some; nothing when there will be none."""
        while not self._answers and not self._over:
            self._news.clear()
            await self._news.wait()
        answers, self._answers, self._bytes = self._answers, [], 0
        self._room.set()
        return answers
