"""The server's side of the fork server: starts and restarts it, requests processes, receives their deaths.

One `Template` serves all sandboxes of a server, in one event loop, without threads and blocking calls.

Invariants:

- After a failed start the next one waits longer, 0.2 s doubled up to 30 s: no tight loop of starts.
- `Process.kill` never hits another process: the fork server keeps the id of a dead process until it is acknowledged.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import structlog

from jobs.sandbox.fork_server import FORK, PING, REAP, REQUEST
from jobs.sandbox.frames import Limits
from jobs.sandbox.output import Output

DEFAULT_ANALYZERS = "analyzers.registry:load_analyzers"
LONGEST_PAUSE_SECONDS = 30.0
ANSWER_SECONDS = 2.0  # time limit of the answer to a probe
SILENCE_SECONDS = 10.0  # time limit of an answer: a silent fork server is killed
# Every slot is a computing process: threads of a linear algebra library would compete for the same cores.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

log = structlog.get_logger(__name__)


class SandboxUnavailable(Exception):
    """No process for analyzers can be started. The message has the reason; each further try waits longer."""


class Process:
    """A forked process. `exited`: its exit code, or minus the signal that ended it; None if unknown."""

    def __init__(self, pid: int, on_silence: Callable[[str], None]) -> None:
        self.pid = pid
        self._on_silence = on_silence
        self.exited: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    def kill(self) -> None:
        """Send SIGKILL to the process and its group."""
        if not self.exited.done():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    async def wait(self) -> int | None:
        """Wait for the end of a killed process, and return `exited`. A canceled waiter leaves other waiters alone."""
        await asyncio.wait((self.exited,), timeout=SILENCE_SECONDS)
        if not self.exited.done():
            self._on_silence("it told of no death")
        return self.exited.result()


class Template:
    """The fork server of the sandbox processes. It calls `analyzers`, a `module:function`."""

    def __init__(self, analyzers: str = DEFAULT_ANALYZERS, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._analyzers = analyzers
        self._starting = asyncio.Lock()
        self._popen: subprocess.Popen[bytes] | None = None
        self._output: Output | None = None
        self._control: socket.socket | None = None
        self._heard = b""
        self._ready: asyncio.Future[None] | None = None
        self._asked: deque[asyncio.Future[Process]] = deque()
        self._pinged: deque[asyncio.Future[None]] = deque()
        self._living: dict[int, Process] = {}
        self._failures = 0
        self._not_before = 0.0

    @property
    def pid(self) -> int | None:
        """The process id of the running fork server; None without one."""
        return self._popen.pid if self._popen is not None and self._control is not None else None

    @property
    def child(self) -> int | None:
        """The process id of the fork server, also of one that has ended and waits for its burial."""
        return self._popen.pid if self._popen is not None else None

    async def fork(self, channel: int, frames: int, output: int, tickets: int) -> Process:
        """Fork a process with these descriptors: its channel, and pipes for frames, output and tickets.

        Raises SandboxUnavailable. Waits first after earlier failures.
        """
        async with self._starting:
            await asyncio.sleep(self._not_before - time.monotonic())
            if self._control is None:
                await self._start()
            assert self._control is not None
            answer: asyncio.Future[Process] = asyncio.get_running_loop().create_future()
            self._asked.append(answer)
            try:
                socket.send_fds(self._control, [REQUEST.pack(FORK, 0)], [channel, frames, output, tickets])
            except OSError as error:
                self._lost(f"it takes no requests: {error}")
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                return await answer
        except TimeoutError:
            self._lost("it gave no answer")
            raise self.failed("The process that analyzers are forked from gave no answer.") from None
        except SandboxUnavailable as error:
            raise self.failed(str(error)) from None
        except asyncio.CancelledError:
            if answer.done() and not answer.cancelled() and answer.exception() is None:
                answer.result().kill()  # the process arrived at the same moment
            raise

    async def answers(self) -> bool:
        """Whether the fork server answers within `ANSWER_SECONDS`. False until its first start has ended.

        The next fork replaces one that was lost: True then, unless the last start failed.
        """
        if self._ready is None or not self._ready.done():
            return False
        if self._control is None:
            return self._failures == 0
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pinged.append(answer)
        try:
            self._control.send(REQUEST.pack(PING, 0))
            async with asyncio.timeout(ANSWER_SECONDS):
                await answer
        except (OSError, TimeoutError, SandboxUnavailable):
            return False
        return True

    def failed(self, why: str) -> SandboxUnavailable:
        """Count a failed start, which lengthens the pause, and return the exception for the caller to raise."""
        self._failures += 1
        self._not_before = time.monotonic() + min(0.1 * 2**self._failures, LONGEST_PAUSE_SECONDS)
        log.error("sandbox.unavailable", reason=why, failures=self._failures)
        return SandboxUnavailable(why)

    def succeeded(self) -> None:
        """Count a successful start: the next pause is the first again."""
        self._failures = 0

    async def close(self) -> None:
        """End the fork server and all its forks. `fork` can start it again."""
        self._lost("it was closed")
        await self._bury()

    async def _start(self) -> None:
        await self._bury()
        try:
            ours = self._spawn()
        except OSError as error:
            raise self.failed(f"The process that analyzers are forked from can't be started: {error}.") from None
        ours.setblocking(False)
        self._control, self._heard = ours, b""
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        self._ready = ready
        loop.add_reader(ours.fileno(), self._on_readable)
        try:
            async with asyncio.timeout(self.limits.start_seconds):
                await ready
        except TimeoutError:
            self._lost("starting took too long")
            why = f"The analyzers ({self._analyzers}) were not imported within {self.limits.start_seconds:g} s."
            raise self.failed(why) from None
        except SandboxUnavailable as error:
            raise self.failed(str(error)) from None
        except BaseException:
            self._lost("starting it was given up")
            raise

    def _spawn(self) -> socket.socket:
        """Start the fork server, and return the control channel. Raises OSError."""
        with contextlib.ExitStack() as undo, contextlib.ExitStack() as theirs:
            ours, control = socket.socketpair()
            undo.callback(ours.close)
            theirs.callback(control.close)
            reading, writing = os.pipe()
            undo.callback(os.close, reading)
            theirs.callback(os.close, writing)
            os.set_blocking(reading, False)
            arguments = [str(control.fileno()), self._analyzers, json.dumps(asdict(self.limits))]
            self._popen = subprocess.Popen(  # noqa: S603 - no client input
                [sys.executable, "-P", "-m", "jobs.sandbox.fork_server", *arguments],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                pass_fds=(control.fileno(),),
                process_group=0,  # the server handles Ctrl-C
            )
            undo.pop_all()
            # The output of imports goes through the server: a broken or full log stops no start.
            self._output = Output(reading, _log_output)
            return ours

    async def _bury(self) -> None:
        """Kill and reap a fork server whose control channel is closed."""
        if self._popen is None:
            return
        # Its loop reads the hang-up and ends its forks too; the signal is for a stuck one.
        kill_at = time.monotonic() + 1
        while self._popen.poll() is None:
            if time.monotonic() > kill_at:
                self._popen.kill()
            await asyncio.sleep(0.002)
        self._popen = None
        if self._output is not None:
            self._output.close()
            self._output = None

    def _on_readable(self) -> None:
        assert self._control is not None
        try:
            data = self._control.recv(65_536)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self._lost("it ended")
            return
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            self._hear(json.loads(line))

    def _hear(self, note: dict[str, Any]) -> None:
        match note:
            case {"ready": pid, "threads": threads}:
                self._settle(self._ready, None)
                log.info("sandbox.ready", pid=pid)
                if threads > 1:
                    log.warning("sandbox.threads", threads=threads, hint="analyzers start threads in prepare or run")
            case {"failed": why}:
                reason = SandboxUnavailable(f"The analyzers ({self._analyzers}) can't be loaded: {why}")
                self._settle(self._ready, reason)
            case {"forked": pid}:
                process = self._living[pid] = Process(pid, self._lost)
                if not self._settle(self._asked.popleft(), process):
                    process.kill()  # the requesting task was canceled
            case {"refused": why}:
                self._settle(self._asked.popleft(), SandboxUnavailable(f"No process can be forked: {why}"))
            case {"alive": _}:
                self._settle(self._pinged.popleft(), None)
            case {"exited": pid, "code": code}:
                process = self._living.pop(pid)
                process.exited.set_result(code)
                if self._control is not None:
                    with contextlib.suppress(OSError):
                        self._control.send(REQUEST.pack(REAP, pid))

    def _lost(self, why: str) -> None:
        """Close the control channel, and fail all requests that wait for the fork server."""
        if self._control is None:
            return
        asyncio.get_running_loop().remove_reader(self._control.fileno())
        self._control.close()
        self._control = None
        for process in self._living.values():
            process.kill()
            process.exited.set_result(None)
        self._living.clear()
        error = SandboxUnavailable(f"The process that runs analyzers is gone: {why}.")
        for waiter in (self._ready, *self._asked, *self._pinged):
            self._settle(waiter, error)
        self._asked.clear()
        self._pinged.clear()
        log.info("sandbox.ended", reason=why)

    @staticmethod
    def _settle(waiter: asyncio.Future[Any] | None, value: object) -> bool:
        """Give a waiter its result or exception; False if it waits no longer."""
        if waiter is None or waiter.done():
            return False
        if isinstance(value, Exception):
            waiter.set_exception(value)
        else:
            waiter.set_result(value)
        return True


def _log_output(text: str, dropped: int) -> None:
    log.info("sandbox.printed", text=text, dropped_bytes=dropped)


def _environment() -> dict[str, str]:
    """Return the server's environment without its settings, which hold passwords, and with its import path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    for name in ONE_THREAD:
        kept.setdefault(name, "1")
    return kept | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
