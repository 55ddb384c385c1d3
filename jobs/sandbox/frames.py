"""The protocol between the server and a sandbox process, and the limits of both.

A process has a channel (a socket pair) and two pipes. The server sends windows of tasks through the channel; the
process rings, one byte into the channel, when it has written frames into the first pipe.

The second pipe holds the tickets: one byte for each task of the window that has not begun. The process reads one byte
before each task, and the server reads one for each task that it takes back. A byte read by one side is gone for the
other: a task taken back never begins. The byte is the number of the window modulo 256. A process that finds no ticket,
or one of the next window, has reached the end of its window.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

MIB = 2**20

# A frame: kind, length of its payload, and a number (milliseconds, a fraction, or a flag); then the payload.
FRAME = struct.Struct("<cId")
READY = b"H"  # the process is set up; once
PREPARED = b"B"  # the analyzer is loaded (number 1) or failed to (0); the time before counts for no task
PROGRESS = b"P"  # the running task's fraction, and its step as UTF-8
COMPLETED = b"C"  # milliseconds, and the result as JSON
FAILED = b"F"  # milliseconds, and a JSON object: code, message, retryable, traceback
SPENT = b"X"  # the next outcome is this process's last; another process gets the rest of the window
REFUSED = b"R"  # this process takes neither this nor another window
KINDS = frozenset({READY, PREPARED, PROGRESS, COMPLETED, FAILED, SPENT, REFUSED})

LENGTH = struct.Struct("<I")

EXIT_BROKEN = 70  # sysexits' EX_SOFTWARE: the process's own loop failed

RING_SECONDS = 0.001  # pause after a ring: outcomes within it don't ring
SETTLE_SECONDS = 0.002  # the server reads again this long after a ring
STEP_CHARACTERS = 200  # of a step in progress
WINDOW_TASKS = 4_096  # at most: every pipe has room for this many tickets (pipe(7): a page on a busy system)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one sandbox process, and of its age: after these a fresh process replaces it."""

    result_bytes: int = 16 * MIB
    tasks: int = 10_000
    growth_bytes: int = 512 * MIB  # of resident memory, after the analyzer was first used
    open_files: int = 1_024
    prepare_seconds: float = 120.0
    start_seconds: float = 60.0


def window(analyzer: str, requests: list[bytes]) -> bytes:
    """Return a window as bytes: its length, then the analyzer's name and the requests, each after its length."""
    pieces = [piece for part in (analyzer.encode(), *requests) for piece in (LENGTH.pack(len(part)), part)]
    return LENGTH.pack(sum(map(len, pieces))) + b"".join(pieces)
