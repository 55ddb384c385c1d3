"""The server's side of one sandbox process: its channel, its output, and the cause of its end.

Invariants:

- All frames that the process wrote are read before its end is reported.
- An invalid frame kills the process: an analyzer may have written into its descriptors.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import math
import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import structlog

from analyzers.base import MESSAGE_CHARACTERS, clean
from jobs.sandbox.frames import COMPLETED, EXIT_BROKEN, FAILED, FRAME, KINDS, PROGRESS, SETTLE_SECONDS, STEP_CHARACTERS
from jobs.sandbox.outcome import CODES, has_nul
from jobs.sandbox.output import Output
from jobs.sandbox.template import Process, Template
from store.queue.tags import tags_of

READ_BYTES = 262_144
REPLY_BYTES_BEYOND_RESULT = 65_536  # no other frame is longer
CLOSING_SECONDS = 0.2
OUT_OF_MEMORY_SIGNS = (b"bad_alloc", b"memoryerror", b"out of memory", b"cannot allocate memory")

log = structlog.get_logger(__name__)


class Frame(NamedTuple):
    """A frame; `tags` are those of its result."""

    kind: bytes
    number: float
    payload: bytes
    tags: Sequence[str] = ()


class Pipe(NamedTuple):
    """The descriptors of a pipe."""

    reading: int
    writing: int


class SandboxProcess:
    """One process. `doomed`: it gets no more work. `ended`: its channel is closed and read to the end."""

    def __init__(
        self, fork: Process, channel: socket.socket, frames: int, printed: int, tickets: Pipe, result_bytes: int
    ) -> None:
        self.fork = fork
        self.doomed = False
        self.ended = False
        self.unread = False  # the process ended before it read all that was sent
        self.prepared: set[str] = set()
        self.analyzer: str | None = None
        self._channel = channel
        self._frames = frames
        self._tickets = tickets
        self._windows = 0
        self._received = bytearray()
        self._longest = result_bytes + REPLY_BYTES_BEYOND_RESULT
        self._garbled = False
        self._rung = False
        self._settled = True  # no unread outcome without a ring is possible
        self._hung_up = False
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None
        self._kills_before = _kills_for_memory()
        self._output = Output(printed, self._on_printed)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(channel.fileno(), self._on_bell)

    @classmethod
    async def forked(cls, template: Template) -> SandboxProcess:
        """Fork a process from the template; its first frame is READY. Raises SandboxUnavailable."""
        try:
            return await cls._forked(template)
        except OSError as error:  # no free descriptor
            raise template.failed(f"No process can be started: {error}.") from None

    @classmethod
    async def _forked(cls, template: Template) -> SandboxProcess:
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            channel, far_channel = socket.socketpair()
            ours.callback(channel.close)
            theirs.callback(far_channel.close)
            frames, far_frames = _pipe(ours, theirs)
            printed, far_printed = _pipe(ours, theirs)
            tickets = Pipe(*os.pipe())
            for descriptor in tickets:
                ours.callback(os.close, descriptor)
                os.set_blocking(descriptor, False)
            channel.setblocking(False)
            os.set_blocking(far_frames, False)
            fork = await template.fork(far_channel.fileno(), far_frames, far_printed, tickets.reading)
            ours.pop_all()
        return cls(fork, channel, frames, printed, tickets, template.limits.result_bytes)

    @property
    def alive(self) -> bool:
        """Whether no exit of the process is known."""
        return not self.fork.exited.done()

    @property
    def is_fresh(self) -> bool:
        """Whether the process has received no window before the present one."""
        return self._windows <= 1

    def garbled(self) -> None:
        """End the process after an invalid frame; nothing more is read."""
        self._garbled = self.ended = True
        self.kill()

    def kill(self) -> None:
        """Send SIGKILL now. Frames already written can still be read."""
        self.doomed = True
        self.fork.kill()

    async def send(self, data: bytes, tasks: int) -> None:
        """Send one window of this many tasks. If the process has ended, nothing happens; `frames` reports the end."""
        self._windows += 1
        os.write(self._tickets.writing, bytes((self._windows % 256,)) * tasks)
        try:
            await self._loop.sock_sendall(self._channel, data)
        except ConnectionError:
            self.unread = True

    def take_back(self, most: int) -> int:
        """Take tasks that have not begun out of the window, its last ones first; returns how many, at most `most`."""
        with contextlib.suppress(BlockingIOError):
            return len(os.read(self._tickets.reading, most))
        return 0

    async def frames(self) -> list[Frame]:
        """Wait for the bell and return the new frames; may be empty, and is after the end."""
        if not (self._rung or self._hung_up):
            self._waiter = self._loop.create_future()
            timer = None if self._settled else self._loop.call_later(SETTLE_SECONDS, self._wake)
            try:
                await self._waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
        if self._closed:
            self.ended = True
            return []
        self._settled, self._rung = not self._rung, False
        hung_up = self._hung_up  # before the read: nothing is written after a hang-up
        try:
            data = os.read(self._frames, READ_BYTES)
        except BlockingIOError:
            data = b""
        self._rung |= len(data) == READ_BYTES
        if hung_up and not data:
            self.doomed = self.ended = True
        received = self._received
        received += data
        found, at, size = [], 0, len(received)
        while size - at >= FRAME.size:
            kind, length, number = FRAME.unpack_from(received, at)
            if kind not in KINDS or length > self._longest:
                self.garbled()
                break
            start = at + FRAME.size
            if size - start < length:
                break
            at = start + length
            frame = _checked(kind, number, bytes(received[start:at]))
            if frame is None:
                self.garbled()
                break
            found.append(frame)
        del received[:at]
        return found

    async def close(self) -> int | None:
        """Kill the process, wait for its end, close its descriptors, return its exit code. May be called again."""
        self.kill()
        code = await self.fork.wait()
        if self._closed:
            return code
        self._closed = self._hung_up = True
        self._wake()
        self._loop.remove_reader(self._channel.fileno())
        self._output.close()
        self._channel.close()
        for descriptor in (self._frames, *self._tickets):
            os.close(descriptor)
        return code

    async def cause_of_death(self) -> tuple[str, str]:
        """Close the process, and return code and message for an end that was no kill from here."""
        await asyncio.wait((self.fork.exited,), timeout=CLOSING_SECONDS)
        hung_up = self.alive
        code = await self.close()
        if self._garbled:
            return "WORKER_LOST", "The analyzer wrote into its process's channel to the server."
        if hung_up:
            return "WORKER_LOST", "The analyzer closed its process's channel to the server."
        if code is None:
            return "WORKER_LOST", "The process that analyzers are forked from was lost."
        if code == EXIT_BROKEN:
            return "WORKER_LOST", "The analyzer broke its process."
        if code >= 0:
            return "WORKER_LOST", f"The analyzer ended its process, with exit code {code}."
        if code == -signal.SIGKILL and _kills_for_memory() > self._kills_before:
            return "MEMORY_EXCEEDED", "The system killed the analyzer's process because memory had run out."
        name = signal.Signals(-code).name
        if any(sign in self._output.tail.lower() for sign in OUT_OF_MEMORY_SIGNS):
            return "MEMORY_EXCEEDED", f"The analyzer's process ran out of memory and was ended by {name}."
        return "WORKER_LOST", f"The analyzer's process was ended by {name}."

    def _on_bell(self) -> None:
        try:
            rings = self._channel.recv(READ_BYTES)
        except BlockingIOError:
            return
        except ConnectionError:  # a reset instead of an end: the process left data unread
            rings, self.unread = b"", True
        if not rings:
            self._hung_up = True
            self._loop.remove_reader(self._channel.fileno())
        self._rung = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _on_printed(self, text: str, dropped: int) -> None:
        log.info("analyzer.printed", pid=self.fork.pid, analyzer=self.analyzer, text=text, dropped_bytes=dropped)


def _pipe(ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> tuple[int, int]:
    """Return a pipe: our non-blocking reading end, and the writing end of the process."""
    reading, writing = os.pipe()
    ours.callback(os.close, reading)
    theirs.callback(os.close, writing)
    os.set_blocking(reading, False)
    with contextlib.suppress(AttributeError, OSError):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, READ_BYTES)
    return reading, writing


def _checked(kind: bytes, number: float, payload: bytes) -> Frame | None:
    """Return the frame; None unless the runner writes such a frame. A frame of an analyzer can hold anything."""
    tags: Sequence[str] = ()
    try:
        if kind == COMPLETED:
            result = orjson.loads(payload)
            is_valid = _is_duration(number) and isinstance(result, dict) and not has_nul(payload)
            tags = tags_of(result) if is_valid else ()
        elif kind == FAILED:
            is_valid = _is_duration(number) and _is_failure(json.loads(payload))
        elif kind == PROGRESS:
            is_valid = 0 <= number <= 1 and _is_clean(payload.decode(), STEP_CHARACTERS)
        else:
            is_valid = not payload
    except (ValueError, RecursionError):  # neither JSON nor UTF-8, or too deep
        return None
    return Frame(kind, number, payload, tags) if is_valid else None


def _is_duration(milliseconds: float) -> bool:
    return math.isfinite(milliseconds) and milliseconds >= 0


def _is_failure(note: Any) -> bool:
    match note:
        case {"code": str(code), "message": str(message), "retryable": bool(), "traceback": str()}:
            return code in CODES and _is_clean(message, MESSAGE_CHARACTERS)
    return False


def _is_clean(text: str, characters: int) -> bool:
    return clean(text, characters) == text


def _kills_for_memory() -> int:
    """Return the number of kills by the kernel's OOM killer on this machine; 0 if the kernel has no such count."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
