"""The loop of a sandbox process: it runs each task, sends its outcome, and restores the process.

The fork server imports this module before it forks: the module uses no asyncio and no settings.

Invariants:

- Each outcome is one frame, written before the next task begins. The first task without an outcome is therefore the
  running one. No frame is held back across tasks.
- The server is not woken for every frame, which would cost both sides more than a quick task. The bell rings at the
  end of a window, or RING_SECONDS after the last ring. The server reads once more SETTLE_SECONDS after a ring, so that
  it sees every outcome also during a long task.
- All that `run` raises or returns becomes an outcome of its own task, except the death of the process.
- A task finds the process as the first one did. The working directory, the timer, the recursion limit and the output
  streams are restored; after threads, child processes or exhausted memory the process stops.
  The process looks for children after tasks that had the time to start one, and after each window.
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
from jobs.sandbox.frames import COMPLETED, FAILED, FRAME, LENGTH, MIB, RING_SECONDS, STEP_CHARACTERS, Limits
from jobs.sandbox.outcome import failure, failure_of, result_json, unreadable

QUICK_MILLISECONDS = 0.05  # starting a process takes longer
PROGRESS_A_SECOND = 10
PROGRESS_AT_ONCE = 5


class Progress:
    """The `Job` argument of `run`: sends at most about ten notes a second, with rising fractions."""

    def __init__(self, send: Callable[[bytes, float, bytes], None]) -> None:
        self._send = send
        self._fraction = 0.0
        self._credit = float(PROGRESS_AT_ONCE)
        self._at = 0.0
        self.open = True

    def progress(self, fraction: float, step: str | None = None) -> None:
        """See `analyzers.base.Job`. A NaN counts as no progress."""
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

    def __init__(
        self, analyzers: Mapping[str, Analyzer[Any, Any]], limits: Limits, channel: int, pipe: int, tickets: int
    ) -> None:
        self._analyzers = analyzers
        self._limits = limits
        self._channel = channel  # delivers windows; a byte into it is the bell
        self._pipe = pipe  # for frames; non-blocking
        self._tickets = tickets  # one byte for each task that may begin; non-blocking
        self._ticket = b""  # read, and not used yet
        self._windows = 0
        self._rang = 0.0
        self._pid = os.getpid()
        self._lock = threading.Lock()  # threads of the analyzer may send progress
        self._served = 0
        self._prepared: set[str] = set()
        self._last: str | None = None
        self._settled_bytes: int | None = None  # resident memory after the first window of the last analyzer
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
            self._windows = (self._windows + 1) % 256
            if self._worn(name):
                self._send(frames.REFUSED)
            else:
                self._window(name, requests)

    def disown(self) -> None:
        """Close the channel and the pipes, in a child process that the analyzer forked."""
        for descriptor in (self._channel, self._pipe, self._tickets):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._channel = self._pipe = self._tickets = -1

    def _window(self, name: str, requests: list[bytes]) -> None:
        analyzer = self._analyzers.get(name)
        problem = self._prepare(name, analyzer)
        for left in range(len(requests) - 1, -1, -1):
            if not self._may_begin():
                self._spent = self._spent or not self._restored(thorough=True)
                return
            started = time.perf_counter()
            if analyzer is None or problem is not None:
                kind, payload = FAILED, problem or b""
            else:
                kind, payload = self._attempt(analyzer, requests[-1 - left])
            if os.getpid() != self._pid:
                os._exit(0)  # a child forked inside `run` has returned here
            milliseconds = (time.perf_counter() - started) * 1000
            self._served += 1
            if not self._restored(thorough=milliseconds > QUICK_MILLISECONDS or not left):
                self._spent = True
            if self._spent:
                self._send(frames.SPENT, ring=False)
            self._send(kind, milliseconds, payload, ring=self._spent or not left)
            if self._spent:
                return

    def _may_begin(self) -> bool:
        """Take the ticket of the next task; False if the server has taken back the rest of the window."""
        with contextlib.suppress(BlockingIOError):
            self._ticket = self._ticket or os.read(self._tickets, 1)
        if self._ticket != bytes((self._windows,)):  # none, or one of the next window, which is on its way
            return False
        self._ticket = b""
        return True

    def _prepare(self, name: str, analyzer: Analyzer[Any, Any] | None) -> bytes | None:
        """Prepare the analyzer, once. A failure fails the whole window, and the next window tries again."""
        if analyzer is None:
            return failure("ANALYZER_FAILED", f"This worker has no analyzer named {clean(name, 100)}.")
        # The limit counts the analyzer's mappings, without those of a fresh process.
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
        # Threads and children started by `prepare` may stay.
        self._threads, self._parent = threading.active_count(), has_children()
        self._recursion = sys.getrecursionlimit()
        self._send(frames.PREPARED, float(problem is None))
        return problem

    def _attempt(self, analyzer: Analyzer[Any, Any], request: bytes) -> tuple[bytes, bytes]:
        try:
            parsed = analyzer.request.model_validate_json(request)
        except ValidationError as error:
            return FAILED, failure("INPUT_UNREADABLE", unreadable(error))
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
        # Room for the message. The memory that the analyzer still holds is freed with the process.
        resource.setrlimit(resource.RLIMIT_AS, (resource.getrlimit(resource.RLIMIT_AS)[1],) * 2)
        self._spent = True
        message = f"The analyzer needed more than its {analyzer.memory_limit_mb} MiB of memory."
        return failure("MEMORY_EXCEEDED", message, error=error)

    def _worn(self, name: str) -> bool:
        """Whether a fresh process is due before this window. Always False in a fresh one."""
        if not self._served:
            self._last = name
            return False
        if self._spent:
            return True
        try:
            if self._served >= self._limits.tasks or len(os.listdir("/dev/fd")) > self._limits.open_files // 2:
                return True
        except OSError:  # no free descriptor
            return True
        mapped, resident = memory()
        if name != self._last:
            # The memory of one analyzer must not be missing for the next.
            other = self._analyzers.get(name)
            self._last, self._settled_bytes = name, None
            return other is not None and mapped - self._mapped_at_start > other.memory_limit_mb * MIB // 2
        if self._settled_bytes is None:
            self._settled_bytes = resident
        return resident - self._settled_bytes > self._limits.growth_bytes

    def _restored(self, *, thorough: bool) -> bool:
        """Restore the process's state after a task; False if that needs a fresh process."""
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
                except BlockingIOError:  # the pipe is full: ring
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
    """Whether this process has child processes, unreaped ones included."""
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
