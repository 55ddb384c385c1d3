"""The bus: tells every instance that there is news, and of what kind. It carries nothing that the log does not have.

One broadcaster, one fixed channel, subscribed once at start by one task, published to by one other: broadcaster loses
subscribers that join a channel at the same moment, and its PostgreSQL backend loses concurrent publishes. A bus that
fails is built again with backoff; until then whoever waits for it polls, so news comes late and is never lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

import structlog
from broadcaster import Broadcast

log = structlog.stdlib.get_logger(__name__)

_CHANNEL = "assay"
_LONGEST_PAUSE_SECONDS = 10.0


class Bus:
    """`publish` subjects ("events", "queue", "stop"); listeners on every instance, this one too, hear of them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: set[str] = set()
        self._wake = asyncio.Event()
        self._listeners: list[Callable[[frozenset[str]], None]] = []
        self.live = False
        """Whether news comes by the bus now; when not, it comes by polling alone."""

    def listen(self, listener: Callable[[frozenset[str]], None]) -> None:
        """Call `listener` with the subjects of each piece of news."""
        self._listeners.append(listener)

    def publish(self, subjects: Collection[str]) -> None:
        """Let every instance know. Never waits: what comes while a message is on its way goes with the next one."""
        self._waiting.update(subjects)
        self._wake.set()

    async def run(self) -> None:
        """Keep the bus up until cancelled."""
        pause = 0.1
        while True:
            try:
                async with Broadcast(self._url) as broadcast, asyncio.TaskGroup() as tasks:
                    async with broadcast.subscribe(channel=_CHANNEL) as subscriber:
                        self.live = True
                        pause = 0.1
                        sending = tasks.create_task(self._send(broadcast))
                        async for message in subscriber:  # type: ignore[union-attr]
                            subjects = frozenset(str(message.message).split())  # type: ignore[union-attr]
                            for listener in self._listeners:
                                listener(subjects)
                    sending.cancel()
                log.warning("bus ended", retry_seconds=pause)
            except Exception:
                log.exception("bus failed", retry_seconds=pause)
            finally:
                self.live = False
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _send(self, broadcast: Broadcast) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            subjects, self._waiting = self._waiting, set()
            await broadcast.publish(channel=_CHANNEL, message=" ".join(sorted(subjects)))
