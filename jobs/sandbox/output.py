"""Reading the printed output of a process: endless output costs the server a bounded share."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable

PAUSE_SECONDS = 0.05  # between two reads
READ_BYTES = 65_536
LOGGED_BYTES = 4_096  # of one read, and remembered in `tail`


class Output:
    """Reads a pipe, and calls `log` with a text and the number of its dropped bytes. `tail`: the last bytes."""

    def __init__(self, descriptor: int, log: Callable[[str, int], None]) -> None:
        self.tail = b""
        self._descriptor = descriptor
        self._log = log
        self._pause: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._listen()

    def close(self) -> None:
        """Read once more, then close the pipe."""
        self._loop.remove_reader(self._descriptor)
        if self._pause is not None:
            self._pause.cancel()
        self._read()
        os.close(self._descriptor)

    def _listen(self) -> None:
        self._pause = None
        self._loop.add_reader(self._descriptor, self._on_readable)

    def _on_readable(self) -> None:
        self._loop.remove_reader(self._descriptor)
        if self._read():
            self._pause = self._loop.call_later(PAUSE_SECONDS, self._listen)

    def _read(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            if data := os.read(self._descriptor, READ_BYTES):
                self.tail = (self.tail + data)[-LOGGED_BYTES:]
                text = data[-LOGGED_BYTES:].decode("utf-8", "replace").rstrip()
                self._log(text, max(0, len(data) - LOGGED_BYTES))
                return True
        return False
