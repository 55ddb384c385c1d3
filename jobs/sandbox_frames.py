"""What the server and a sandbox process say to each other, and the limits that both know.

A process has a channel (a socket pair) and two pipes. Through the channel come windows of tasks; into it the process
writes a byte, the bell, when there is something to read. Through the pipe go its frames.

The second pipe holds the tickets: one byte for each task of the window that has not begun. The process reads one byte
before each task, and the server reads one for each task that it takes back. Either side's read takes the byte from the
other, so a task that was taken back never begins. The byte is the window's number modulo 256: a process that finds no
ticket, or one of the next window, has reached the end of its window.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

MIB = 2**20

# A frame: kind, length of its payload, and a number (milliseconds, a fraction, or a flag); then the payload.
FRAME = struct.Struct("<cId")
READY = b"H"  # the process is set up; once
PREPARED = b"B"  # the analyzer is loaded (number 1) or could not be (0); the time before is no task's own
PROGRESS = b"P"  # the running task's fraction, and its step as UTF-8
COMPLETED = b"C"  # milliseconds, and the result as JSON
FAILED = b"F"  # milliseconds, and a JSON object: code, message, retryable, traceback
SPENT = b"X"  # the outcome that follows is this process's last; the rest of the window is for another
REFUSED = b"R"  # this process takes no more windows, this one neither
KINDS = frozenset({READY, PREPARED, PROGRESS, COMPLETED, FAILED, SPENT, REFUSED})

LENGTH = struct.Struct("<I")

EXIT_BROKEN = 70  # sysexits' EX_SOFTWARE: the process's own loop failed

RING_SECONDS = 0.001  # outcomes within this time of a ring don't ring
SETTLE_SECONDS = 0.002  # so look again this long after one
WINDOW_TASKS = 4_096  # at most, as every pipe has room for that many tickets (pipe(7): a page on a busy system)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one sandbox process may take, and when it makes way for a fresh one."""

    result_bytes: int = 16 * MIB
    tasks: int = 10_000
    growth_bytes: int = 512 * MIB  # of resident memory, after the analyzer was first used
    open_files: int = 1_024
    prepare_seconds: float = 120.0
    start_seconds: float = 60.0


def window(analyzer: str, requests: list[bytes]) -> bytes:
    """A window of tasks: its length, then the analyzer's name and the requests, each with its length before it."""
    pieces = [piece for part in (analyzer.encode(), *requests) for piece in (LENGTH.pack(len(part)), part)]
    return LENGTH.pack(sum(map(len, pieces))) + b"".join(pieces)
