"""The loop of a sandbox process: run each task, send its outcome, leave no trace.

The template imports this module before it forks: asyncio, the server and its settings are unknown here.

Invariants:

- Each outcome is one frame, written before the next task begins. The first task without an outcome is therefore the
  running one. No outcome is held back until a later task.
- The server is not woken for every frame, which would cost both sides more than a quick task: the bell rings at the end
  of the window, or RING_SECONDS after the last bell. The server reads once more a little after each bell
  (SETTLE_SECONDS), so that no outcome stays unread during a long task.
- Every exception and every return value of `run` becomes the outcome of its own task. Only the death of the process
  does not.
- Every task finds the process in the state of the first: the runner restores the working directory, the timer, the
  recursion limit and the output streams. After a change that it can't undo (threads, child processes, exhausted memory)
  the process stops. The runner checks for child processes after tasks long enough to start one, and after each window.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from analyzers.base import Analyzer, clean
from jobs.sandbox import frames as frames
from jobs.sandbox.frames import COMPLETED, FAILED, FRAME, LENGTH, MIB, RING_SECONDS, Limits
from jobs.sandbox.outcome import describe, failure, failure_of, result_json

QUICK_MILLISECONDS = 0.05  # starting a process takes longer
STEP_CHARACTERS = 200
PROGRESS_A_SECOND = 10
PROGRESS_AT_ONCE = 5


class Progress:
    """The `Job` of a call of `run`: sends at most about ten notes a second, with fractions that never fall."""

    def __init__(self, send: Callable[[bytes, float, bytes], None]) -> None:
        self._send = send
        self._fraction = 0.0
        self._credit = float(PROGRESS_AT_ONCE)
        self._at = 0.0
        self.open = True

    def progress(self, fraction: float, step: str | None = None) -> None:
        """Report progress, as described in `analyzers.base.Job`; a NaN counts as no progress."""
        number = float(fraction)
        self._fraction = max(self._fraction, min(number, 1.0)) if number == number else self._fraction
        now = time.monotonic()
        self._credit = min(PROGRESS_AT_ONCE, self._credit + (now - self._at) * PROGRESS_A_SECOND)
        self._at = now
        if self._credit >= 1 and self.open:
            self._credit -= 1
            self._send(frames.PROGRESS, self._fraction, clean(step or "", STEP_CHARACTERS).encode())


class Runner:
    """The loop of one process over windows of tasks. `serve` returns after the server has closed the channel."""

    def __init__(self, analyzers: Mapping[str, Analyzer[Any, Any]], limits: Limits, channel: int, pipe: int) -> None:
        self._analyzers = analyzers
        self._limits = limits
        self._channel = channel  # windows come from it; a byte into it is the bell
        self._pipe = pipe  # for frames; it doesn't block
        self._rang = 0.0
        self._pid = os.getpid()
        self._lock = threading.Lock()  # progress may come from a thread of the analyzer's
        self._served = 0
        self._prepared: set[str] = set()
        self._last: str | None = None
        self._settled_bytes: int | None = None  # resident memory once the last analyzer had done its first window
        self._spent = False
        self._mapped_at_start = memory()[0]
        self._home = os.getcwd()
        self._streams = (sys.stdout, sys.stderr)
        self._recursion = sys.getrecursionlimit()
        self._threads, self._parent = 1, False

    def serve(self) -> None:
        self._send(frames.READY)
        while (window := self._receive()) is not None:
            name, requests = window
            if self._worn(name):
                self._send(frames.REFUSED)
            else:
                self._window(name, requests)

    def disown(self) -> None:
        """Close the channel and the pipe in a child process that the analyzer forked."""
        for descriptor in (self._channel, self._pipe):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._channel = self._pipe = -1

    def _window(self, name: str, requests: list[bytes]) -> None:
        analyzer = self._analyzers.get(name)
        problem = self._prepare(name, analyzer)
        for left in range(len(requests) - 1, -1, -1):
            started = time.perf_counter()
            if analyzer is None or problem is not None:
                kind, payload = FAILED, problem or b""
            else:
                kind, payload = self._attempt(analyzer, requests[-1 - left])
            if os.getpid() != self._pid:
                os._exit(0)  # a fork inside `run` that came back here
            milliseconds = (time.perf_counter() - started) * 1000
            self._served += 1
            if not self._restored(thorough=milliseconds > QUICK_MILLISECONDS or not left):
                self._spent = True
            if self._spent:
                self._send(frames.SPENT, ring=False)
            self._send(kind, milliseconds, payload, ring=self._spent or not left)
            if self._spent:
                return

    def _prepare(self, name: str, analyzer: Analyzer[Any, Any] | None) -> bytes | None:
        """Call the analyzer's `prepare` once. A failure fails the whole window, and the next window tries again."""
        if analyzer is None:
            return failure("ANALYZER_FAILED", f"This worker has no analyzer named {clean(name, 100)}.")
        # The limit is for the analyzer's own mappings, on top of those of a fresh process.
        soft = self._mapped_at_start + analyzer.memory_limit_mb * MIB
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))
        if name in self._prepared:
            return None
        problem = None
        try:
            if analyzer.prepare is not None:
                analyzer.prepare()
            self._prepared.add(name)
        except BaseException as error:
            problem = self._failed(analyzer, error)
        if os.getpid() != self._pid:
            os._exit(0)
        # Threads and child processes of `prepare` belong to the state of a fresh process.
        self._threads, self._parent = threading.active_count(), has_children()
        self._recursion = sys.getrecursionlimit()
        self._send(frames.PREPARED, float(problem is None))
        return problem

    def _attempt(self, analyzer: Analyzer[Any, Any], request: bytes) -> tuple[bytes, bytes]:
        try:
            parsed = analyzer.request.model_validate_json(request)
        except ValidationError as error:
            return FAILED, failure("INPUT_UNREADABLE", describe(error))
        except BaseException as error:
            return FAILED, self._failed(analyzer, error)
        job = Progress(self._send)
        try:
            return COMPLETED, result_json(analyzer, analyzer.run(parsed, job), self._limits.result_bytes)
        except BaseException as error:
            return FAILED, self._failed(analyzer, error)
        finally:
            job.open = False

    def _failed(self, analyzer: Analyzer[Any, Any], error: BaseException) -> bytes:
        if not isinstance(error, MemoryError) and getattr(error, "errno", None) != errno.ENOMEM:
            try:
                return failure_of(error)
            except BaseException as second:  # the exception's own attributes can be anything
                return failure("ANALYZER_FAILED", type(error).__name__, error=second)
        # Memory for this report. The analyzer's memory is freed when the process ends.
        resource.setrlimit(resource.RLIMIT_AS, (resource.getrlimit(resource.RLIMIT_AS)[1],) * 2)
        self._spent = True
        message = f"The analyzer needed more than its {analyzer.memory_limit_mb} MiB of memory."
        return failure("MEMORY_EXCEEDED", message, error=error)

    def _worn(self, name: str) -> bool:
        """Return whether a fresh process must run this window. Never true of a fresh one."""
        if not self._served:
            self._last = name
            return False
        if self._spent:
            return True
        try:
            if self._served >= self._limits.tasks or len(os.listdir("/dev/fd")) > self._limits.open_files // 2:
                return True
        except OSError:  # no descriptor is left to look with
            return True
        mapped, resident = memory()
        if name != self._last:
            # One analyzer's memory must not be missing to the other.
            other = self._analyzers.get(name)
            self._last, self._settled_bytes = name, None
            return other is not None and mapped - self._mapped_at_start > other.memory_limit_mb * MIB // 2
        if self._settled_bytes is None:
            self._settled_bytes = resident
        return resident - self._settled_bytes > self._limits.growth_bytes

    def _restored(self, *, thorough: bool) -> bool:
        """Undo a task's changes of the process. Returns False if only a fresh process would undo them."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.stdout, sys.stderr = self._streams
        if sys.getrecursionlimit() != self._recursion:
            sys.setrecursionlimit(self._recursion)
        if threading.active_count() > self._threads or sys.stdout.closed or sys.stderr.closed:
            return False
        try:
            if os.getcwd() != self._home:
                os.chdir(self._home)
            if not thorough:
                return True
            os.fstat(1)
            os.fstat(2)
        except OSError:
            return False
        return self._parent or not has_children()

    def _send(self, kind: bytes, number: float = 0.0, payload: bytes = b"", *, ring: bool = True) -> None:
        frame = FRAME.pack(kind, len(payload), number) + payload
        with self._lock:
            written = 0
            while True:
                try:
                    written += os.write(self._pipe, frame[written:] if written else frame)
                except BlockingIOError:  # the pipe is full: have it read
                    os.write(self._channel, b"!")
                    select.select([], [self._pipe], [])
                if written == len(frame):
                    break
            now = time.monotonic()
            if ring or now - self._rang > RING_SECONDS:
                self._rang = now
                os.write(self._channel, b"!")

    def _receive(self) -> tuple[str, list[bytes]] | None:
        data = bytearray(os.read(self._channel, 262_144))
        while len(data) < LENGTH.size or len(data) - LENGTH.size < LENGTH.unpack_from(data)[0]:
            part = os.read(self._channel, 1_048_576)
            if not part:
                return None
            data += part
        whole = bytes(data)
        pieces = []
        at = LENGTH.size
        while at < len(whole):
            (length,) = LENGTH.unpack_from(whole, at)
            at += LENGTH.size
            pieces.append(whole[at : at + length])
            at += length
        return pieces[0].decode(), pieces[1:]


def has_children() -> bool:
    """Return whether this process has child processes, including ended ones that were not reaped."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def memory() -> tuple[int, int]:
    """Return the mapped and the resident bytes of this process."""
    try:
        with open("/proc/self/statm", "rb") as file:
            mapped, resident = file.read().split()[:2]
    except OSError:
        return 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return int(mapped) * resource.getpagesize(), int(resident) * resource.getpagesize()
